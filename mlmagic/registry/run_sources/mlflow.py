"""Models of MLflow runs: from a tracking server, a database, or a folder of runs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlmagic.addresses import without_secrets
from mlmagic.errors import MissingDependencyError, RegistryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE_STORE = "MLFLOW_ALLOW_FILE_STORE"
_SHOWN = 20


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
    with _file_store_allowed():
        try:
            client = mlflow.MlflowClient(tracking_uri)
            run = client.get_run(run_id)
            experiment = client.get_experiment(run.info.experiment_id).name
        except (MlflowException, OSError) as error:
            where = without_secrets(tracking_uri or mlflow.get_tracking_uri())
            raise RegistryError(
                f"The run '{run_id}' cannot be read from '{where}': {without_secrets(str(error))}.",
                hint="Set MLFLOW_TRACKING_URI, or name the place with --tracking-uri.",
            ) from error
        if experiment_name not in (None, experiment):
            raise UsageError(
                f"The run '{run_id}' belongs to the experiment '{experiment}', not to"
                f" '{experiment_name}'."
            )
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
