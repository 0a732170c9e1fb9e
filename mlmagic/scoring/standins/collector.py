"""``ModelDataCollector``: inputs and predictions as CSV files in v1's folders.

Collection is on where ``AML_MODEL_DC_STORAGE_ENABLED`` says so; the files lie below
``MLMAGIC_DATA_DIR``, or the app root. Several workers append to the same files.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import sys
import uuid
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.logs import REQUEST_ID
from mlmagic.scoring.standins.table import Table, table_of, with_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA_VARIABLE = "MLMAGIC_DATA_DIR"
_DESIGNATIONS = ("inputs", "predictions", "labels", "signals", "general")
_FILED_BY_ROW = ("predictions", "labels", "signals")
_TIME, _WORKSPACE, _SERVICE = "$aml_dc_scoring_timestamp", "$aml_workspace", "$aml_service_name"
_MODEL, _VERSION, _BOUNDARY = "$aml_model_name", "$aml_model_version", "$aml_dc_boundary"
_HOUR, _DAY = 60, 1440
_OFF = "Data collection is not enabled. Set AML_MODEL_DC_STORAGE_ENABLED to 'true' to enable it."


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() == "true"


class ModelDataCollector:
    """Collects rows of one model and one designation; does nothing where collection is off.

    Args:
        model_name: The model.
        designation: ``inputs``, ``predictions``, ``labels``, ``signals`` or ``general``.
        feature_names: Names of the columns; a data frame has its own.
        workspace: Subscription, resource group and workspace.
        webservice_name: The service; by default ``SERVICE_NAME``.
        model_version: The model's version.
        collection_name: Name of the file, for ``signals`` and ``general``.
    """

    def __init__(
        self,
        model_name: str,
        designation: str = "default",
        feature_names: Sequence[str] | None = None,
        workspace: str = "default/default/default",
        webservice_name: str = "default",
        model_version: str | int = "default",
        collection_name: str = "default",
    ) -> None:
        self._stores = _is_on("AML_MODEL_DC_STORAGE_ENABLED")
        self._prints = _is_on("AML_MODEL_DC_DEBUG")
        self._designation = "general" if designation == "default" else designation
        if not (self._stores or self._prints):
            print(_OFF)  # noqa: T201 - as v1 tells it: it becomes a log line
        elif self._designation not in _DESIGNATIONS:
            names = ", ".join(f"'{each}'" for each in ("default", *_DESIGNATIONS))
            print(f"Incorrect designation value. Supported values: {names}")  # noqa: T201
            self._stores = self._prints = False
        own_name = self._designation in ("signals", "general")
        self._file = f"{collection_name if own_name else self._designation}.csv"
        self._features = list(feature_names) if feature_names is not None else None
        self._own: dict[str, Any] = {
            _BOUNDARY: _HOUR if os.environ.get("AML_MODEL_DC_BOUNDARY") == "hour" else _DAY,
            _WORKSPACE: workspace.lower(),
            _SERVICE: os.environ.get("SERVICE_NAME", "default")
            if webservice_name == "default"
            else webservice_name,
            _MODEL: model_name,
            _VERSION: str(model_version),
        }

    def collect(self, input_data: Any, user_correlation_id: str = "") -> dict[str, Any] | None:
        """Store rows.

        Args:
            input_data: A list (one row), an array, or a data frame.
            user_correlation_id: Comes before the id that is made.

        Returns:
            For ``inputs``, what correlates predictions and labels with them.
        """
        if not (self._stores or self._prints):
            return None
        table = table_of(input_data, self._features)
        if table is None:
            warnings.warn(
                "collect failed: input data must be list, numpy array, pandas dataframe,"
                " or spark dataframe.",
                stacklevel=2,
            )
            return None
        correlations = None
        if self._designation == "inputs":
            correlations = self._correlations(user_correlation_id)
            table.append(correlations)
        if self._prints:
            print(table.text())  # noqa: T201 - what AML_MODEL_DC_DEBUG asks for
        if self._stores:
            self._store(table)
        return correlations

    def add_correlations(self, input_data: Any, correlations: dict[str, Any] | None) -> Any:
        """Return rows with the columns that ``collect`` of the inputs returned."""
        if correlations is None:
            return input_data
        if self._features is not None:
            self._features += [name for name in correlations if name not in self._features]
        return with_columns(input_data, correlations)

    def _correlations(self, user_id: str) -> dict[str, Any]:
        made = str(uuid.uuid4())
        own = self._own
        return {
            "$aml_dc_correlation_id": f"{user_id}-{made}" if user_id else made,
            _TIME: dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(),
            _BOUNDARY: own[_BOUNDARY],
            _WORKSPACE: own[_WORKSPACE],
            _SERVICE: own[_SERVICE],
            _MODEL: own[_MODEL],
            _VERSION: own[_VERSION],
            "$aml_request_id": REQUEST_ID.get() or str(uuid.UUID(int=0)),
        }

    def _store(self, table: Table) -> None:
        root = Path(os.environ.get(DATA_VARIABLE) or os.environ.get("AML_APP_ROOT") or Path.cwd())
        by_row = self._designation in _FILED_BY_ROW
        for path, part in table.parts(lambda row: self._folder(row if by_row else {})):
            try:
                _append(root / "modeldata" / path / self._file, part)
            except OSError as error:  # a full disk does not fail a request
                sys.stderr.write(f"Collected data cannot be written: {error}\n")

    def _folder(self, row: dict[str, Any]) -> str:
        """Return where a row belongs: by its own columns where it has them."""
        told = self._own | row
        now = _time(told.get(_TIME))
        names = [told[_WORKSPACE], told[_SERVICE], told[_MODEL], told[_VERSION]]
        parts = [part for name in names for part in str(name).split("/")]
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            parts = ["default"]  # a row comes from outside: it must not choose any folder
        folder = [*parts, self._designation, now.strftime("%Y/%m/%d")]
        if str(told[_BOUNDARY]) == str(_HOUR):
            folder.append(now.strftime("%H"))
        return "/".join(folder)


def _time(text: Any) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(str(text))
    except ValueError:
        return dt.datetime.now(dt.UTC)


def _append(path: Path, table: Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        is_new = stream.seek(0, os.SEEK_END) == 0
        stream.write(table.text(with_header=is_new).encode())
