"""Environment variables of v1's server, and the configuration file that may hold them."""

from __future__ import annotations

import json
import logging
from collections import ChainMap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.arguments import LOG_LEVELS
from mlmagic.scoring.failure import StartFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger("azmlinfsrv")
KNOWN = (
    "AML_APP_ROOT",
    "AZUREML_SOURCE_DIRECTORY",
    "AZUREML_ENTRY_SCRIPT",
    "AZUREML_MODEL_DIR",
    "SERVICE_NAME",
    "SERVICE_VERSION",
    "SERVICE_PATH_PREFIX",
    "WORKSPACE_NAME",
    "SCORING_TIMEOUT_MS",
    "AZUREML_LOG_LEVEL",
    "AML_CORS_ORIGINS",
    "WORKER_COUNT",
    "WORKER_TIMEOUT",
    "WORKER_PRELOAD",
    "AML_APP_INSIGHTS_ENABLED",
    "AML_APP_INSIGHTS_KEY",
    "APP_INSIGHTS_LOG_RESPONSE_ENABLED",
    "AML_MODEL_DC_STORAGE_ENABLED",
    "AZUREML_DEBUG_PORT",
    "HOSTNAME",
)
_WORDS = "===============Configuration Error================="
_RULE = "=" * len(_WORDS)


class Variables:
    """Values by name: the environment's, else the file's.

    Args:
        environment: What is set.
        file: What the file sets.
    """

    def __init__(self, environment: Mapping[str, str], file: Mapping[str, str]) -> None:
        self._values = ChainMap(dict(environment), dict(file))
        self._file = {name: text for name, text in file.items() if name not in environment}

    def of_file(self) -> dict[str, str]:
        """Return what only the file sets."""
        return dict(self._file)

    def text(self, name: str) -> str | None:
        """Return a value; None where it is empty or not set."""
        return self._values.get(name) or None

    def number(self, name: str) -> int | None:
        """Return a number of 1 or more.

        Raises:
            StartFailure: It is something else.
        """
        value: int | None = self._read(name, _positive, "a whole number of 1 or more")
        return value

    def level(self, name: str) -> str | None:
        """Return the name of a log level.

        Raises:
            StartFailure: It is something else.
        """
        value: str | None = self._read(name, _level, f"one of {', '.join(LOG_LEVELS)}")
        return value

    def _read(self, name: str, make: Callable[[str], Any], words: str) -> Any:
        text = self.text(name)
        if text is None:
            return None
        try:
            return make(text)
        except ValueError as error:
            message = f"The variable {name} must be {words}, not '{text}'."
            raise StartFailure("ConfigurationError", message) from error


def read_variables(
    environment: Mapping[str, str], chosen: str | None, folders: list[Path | None]
) -> Variables:
    """Return the variables of the environment and of a configuration file.

    Args:
        environment: Wins over the file.
        chosen: The file that somebody chose; it must be right.
        folders: Where ``config.json`` is looked for otherwise.

    Raises:
        StartFailure: The chosen file cannot be used.
    """
    if chosen:
        try:
            values = _load(Path(chosen))
        except (OSError, ValueError) as error:
            message = f"The configuration file '{chosen}' cannot be used: {error}."
            raise StartFailure("ConfigurationError", message) from error
        _warn(Path(chosen), values)
        return _merged(environment, values)
    for folder in folders:
        path = folder / "config.json" if folder is not None else None
        if path is not None and path.is_file() and path.stat().st_size:
            return _merged(environment, _found(path))
    return Variables(environment, {})


def _found(path: Path) -> dict[str, Any]:
    """Read a file that merely has the name: it may be the script's own."""
    try:
        values = _load(path)
    except (OSError, ValueError) as error:
        logger.warning("The file '%s' is not used: %s", path, error)
        return {}
    if any(name in KNOWN for name in values):
        _warn(path, values)
    return values


def _load(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("it holds no JSON object")  # noqa: TRY004 - the content is wrong
    return values


def _warn(path: Path, values: dict[str, Any]) -> None:
    extra = [name for name in values if name not in KNOWN]
    if extra:
        logger.warning("The server does not know these keys of '%s': %s", path, ", ".join(extra))


def _merged(environment: Mapping[str, str], values: dict[str, Any]) -> Variables:
    texts = {name: _text(value) for name, value in values.items() if name in KNOWN}
    return Variables(environment, texts)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def block(failure: StartFailure) -> str:
    """Return a configuration error as v1's server shows it."""
    return f"\n{_WORDS}\n{failure.message}\n{_RULE}"


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(text)
    return text.upper()
