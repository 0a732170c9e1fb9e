"""Models of MLflow runs: from a tracking server, a database, or a folder of runs."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlmagic.addresses import without_secrets
from mlmagic.errors import MissingDependencyError, MlmagicError, RegistryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE_STORE = "MLFLOW_ALLOW_FILE_STORE"
_SHOWN = 20
# How a server that wants a password, a token or a permission says so.
_KEPT_OUT = re.compile(r"error code 40[13]|not authenticated|PERMISSION_DENIED")
_WHO = (
    "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, as the"
    " server wants it, of somebody who may read the run."
)
_WHERE = "Set MLFLOW_TRACKING_URI, or name the place with --tracking-uri."


@dataclass(frozen=True, kw_only=True)
class RunModel:
    """A model of a run, on this disk.

    Attributes:
        path: The file or folder.
        facts: What of ``entities.Lineage`` the run tells.
    """

    path: Path
    facts: dict[str, Any]


def is_run(value: object) -> bool:
    """Say whether an object is a run of MLflow (``mlflow.get_run``, ``mlflow.start_run``)."""
    return hasattr(getattr(value, "info", None), "run_id") and hasattr(value, "data")


def fetch_run_model(
    run_id: str,
    asset_path: str,
    folder: Path,
    *,
    tracking_uri: str | None = None,
    experiment_name: str | None = None,
) -> RunModel:
    """Download a model of a run.

    Args:
        run_id: The run.
        asset_path: Of the run's files, or the name of a model that it logged; the folders in
            front of its last part are not kept, as in Azure ML v1.
        folder: Where to write.
        tracking_uri: Where the run is; None goes by ``MLFLOW_TRACKING_URI``, as MLflow does.
        experiment_name: The experiment that the run has to belong to.

    Raises:
        MissingDependencyError: MLflow is not installed.
        RegistryError: There is no such run or file; the message lists what the run has.
    """
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "Registering from a run of MLflow needs 'mlflow'.",
            hint="Install it: pip install mlflow-skinny.",
        ) from error
    with _file_store_allowed(), _explained(run_id):
        uri = tracking_uri or mlflow.get_tracking_uri()
        where = without_secrets(uri)
        place = _place(uri)
        if place is not None and not place.exists():
            raise RegistryError(
                f"The run '{run_id}' cannot be read from '{where}': there is no '{place}'.",
                hint=_WHERE,
            )
        try:
            client = mlflow.MlflowClient(tracking_uri)
            run = client.get_run(run_id)
            experiment = client.get_experiment(run.info.experiment_id).name
        except (MlflowException, OSError) as error:
            told = without_secrets(str(error)).rstrip(".")
            raise RegistryError(
                f"The run '{run_id}' cannot be read from '{where}': {told}.",
                hint=_WHO if _KEPT_OUT.search(str(error)) else _WHERE,
            ) from error
        if experiment_name not in (None, experiment):
            raise another_experiment(run_id, experiment, experiment_name)
        path = _download(client, run, asset_path, folder)
    facts = {
        "run_source": "mlflow",
        "run_id": run_id,
        "run_name": run.info.run_name,
        "experiment": experiment,
        "metrics": {name: float(value) for name, value in run.data.metrics.items()},
        "params": dict(run.data.params),
        "datasets": _datasets(run),
    }
    return RunModel(path=path, facts=facts)


def _place(uri: str) -> Path | None:
    """Return the database or folder that MLflow would make where there is none, and leave there."""
    from mlflow.utils import file_utils
    from mlflow.utils import uri as uris

    if uri.startswith("sqlite:"):
        name = uri.removeprefix("sqlite:///")
        return None if ":" in name else Path(name)
    if not uris.is_local_uri(uri):  # type: ignore[no-untyped-call]
        return None
    return Path(file_utils.local_file_uri_to_path(uri))  # type: ignore[no-untyped-call]


def another_experiment(run_id: str, experiment: str, asked: str | None) -> UsageError:
    """Say that a run is not where it was looked for."""
    return UsageError(
        f"The run '{run_id}' belongs to the experiment '{experiment}', not to '{asked}'."
    )


def _download(client: Any, run: Any, asset_path: str, folder: Path) -> Path:
    wanted = PurePosixPath(os.path.normpath(asset_path.strip("/")))
    run_id = run.info.run_id
    files = list(_files(client, run_id, ""))
    if any(PurePosixPath(each).is_relative_to(wanted) for each in files):
        return Path(client.download_artifacts(run_id, str(wanted), str(folder)))
    logged = _logged_models(client, run)
    if str(wanted) not in logged:
        there = [*sorted(files), *(f"{name} (a logged model)" for name in logged)]
        more = ", …" if len(there) > _SHOWN else ""
        raise RegistryError(
            f"The path '{asset_path}' is not among the files of the run '{run_id}'.",
            hint=f"It has {', '.join(there[:_SHOWN]) or 'no files'}{more}.",
        )
    from mlflow.artifacts import download_artifacts

    aside, place = folder / ".download", folder / wanted.name
    aside.mkdir()
    # Some stores give the folder's content, others a folder in it.
    found = download_artifacts(
        artifact_uri=logged[str(wanted)], dst_path=str(aside), tracking_uri=client.tracking_uri
    )
    Path(found).rename(place)
    return place


def _files(client: Any, run_id: str, below: str) -> Iterator[str]:
    for each in client.list_artifacts(run_id, below or None):
        if each.is_dir:
            yield from _files(client, run_id, each.path)
        else:
            yield each.path


def _logged_models(client: Any, run: Any) -> dict[str, str]:
    """Models that MLflow 3 keeps beside the run's files: name to address, the last one wins."""
    outputs = getattr(run, "outputs", None)
    found = {}
    for output in getattr(outputs, "model_outputs", None) or ():
        model = client.get_logged_model(output.model_id)
        found[str(model.name)] = str(model.artifact_location)
    return found


def _datasets(run: Any) -> dict[str, tuple[str, ...]]:
    inputs = getattr(run, "inputs", None)
    found: dict[str, tuple[str, ...]] = {}
    for each in getattr(inputs, "dataset_inputs", None) or ():
        tags = {tag.key: tag.value for tag in each.tags}
        scenario = tags.get("mlflow.data.context") or "training"
        reference = f"{each.dataset.name}@{each.dataset.digest}"
        found[scenario] = (*found.get(scenario, ()), reference)
    return found


@contextmanager
def _explained(run_id: str) -> Iterator[None]:
    """Turn what MLflow and the library of the place where files lie raise into one of ours."""
    try:
        yield
    except MlmagicError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            f"The run '{run_id}' lies where only a package that is not installed can read:"
            f" {without_secrets(str(error))}.",
            hint=f"Install it: pip install {error.name or 'PACKAGE'}.",
        ) from error
    except Exception as error:  # each library has its own
        raise RegistryError(
            f"The files of the run '{run_id}' cannot be fetched: {type(error).__name__}:"
            f" {without_secrets(str(error))}.",
            hint="Check the address and the credentials of the place where the run keeps them.",
        ) from error


@contextmanager
def _file_store_allowed() -> Iterator[None]:
    """Let MLflow read a folder of runs: from version 3.7 on it asks for that to be said."""
    before = os.environ.get(_FILE_STORE)
    os.environ[_FILE_STORE] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FILE_STORE]
        else:
            os.environ[_FILE_STORE] = before
