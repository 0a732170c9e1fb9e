"""``azureml.core.run``: runs of this machine, as far as registering models from them needs.

A run is a folder below ``.mlmagic/runs/EXPERIMENT/RUN_ID/``: ``run.json``, and the files that were
uploaded to it. A run that a script was submitted as is found by the script through an environment
variable; a script that was not submitted gets an offline run, as in v1.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mlmagic.azureml.core.offline_run import OfflineRun
from mlmagic.azureml.core.run_metrics import RunMetrics
from mlmagic.azureml.core.run_process import RunProcess, this_process
from mlmagic.azureml.core.run_record import RECORD
from mlmagic.azureml.coverage import differs, refuse, refused_class
from mlmagic.azureml.exceptions import (
    ModelPathNotFoundException,
    RunEnvironmentException,
    UserErrorException,
)
from mlmagic.files import is_folder_name, write_atomically

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator

    from mlmagic.azureml.core.experiment import Experiment
    from mlmagic.azureml.core.model import Model
    from mlmagic.azureml.core.workspace import Workspace

# What scripts compare `Run.get_context()` with.
_OfflineRun = OfflineRun
CONTEXT_VARIABLE = "MLMAGIC_AZUREML_RUN"
_PORTAL = "There is no portal; print the run, or read its folder."
_TRACK = "Track it with MLflow, and register the model from the MLflow run."
_SNAPSHOT = "The script's folder is not copied: keep it in git."


def runs_of(workspace: Workspace) -> Path:
    """Return the folder of a workspace's runs."""
    return workspace.local.root / ".mlmagic" / "runs"


@refuse(_PORTAL, "get_portal_url", "get_docs_url", properties=("portal_url",))
@refuse(_TRACK, "log_accuracy_table", "log_confusion_matrix", "log_predictions", "log_residuals")
@refuse("Begin each with child_run().", "create_children", "submit_child")
@refuse(_SNAPSHOT, "get_snapshot_id", "restore_snapshot", "take_snapshot")
@refuse("Read secrets from the environment.", "get_secret", "get_secrets")
@refuse("Use Run.get(workspace, id).", "add_type_provider", "list_by_compute")
@refuse("Use the id.", properties=("identity", "number"))
@refuse("A run has the files that were uploaded to it.", "clean", "get_environment")
class Run(RunProcess, RunMetrics):
    """A run of an experiment, and what was logged in it."""

    experiment: Experiment
    id: str
    DELIM = "#"
    EXPERIMENT_ID_PATH, EXPERIMENT_NAME_PATH = "/experiments/id/{0}", "/experiments/{0}"
    RUN_PATH, TID_FMT = "/runs/{0}", "&tid={0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"

    def __init__(
        self, experiment: Experiment, run_id: str, outputs: str | None = None, **_: Any
    ) -> None:
        self.experiment, self.id = experiment, run_id
        self.folder = runs_of(experiment.workspace) / experiment.name / run_id
        self._outputs = Path(outputs).absolute() if outputs else None
        if not (self.folder / RECORD).is_file():
            raise UserErrorException(
                f"RunId: {run_id} does not exist in experiment '{experiment.name}'."
            )

    @classmethod
    def _begin(
        cls,
        experiment: Experiment,
        *,
        outputs: str | None = None,
        tags: dict[str, str] | None = None,
        run_id: str | None = None,
        **facts: Any,
    ) -> Run:
        """Make a run that is running now, of which more facts may be known already.

        Raises:
            UserErrorException: The id is that of another run, or leads to another folder.
        """
        run_id = run_id or f"{experiment.name}_{int(time.time())}_{uuid.uuid4().hex[:8]}"
        if not is_folder_name(run_id):
            raise UserErrorException(f"'{run_id}' is not the id of a run: it leads elsewhere.")
        experiment.workspace.local.ensure()
        folder = runs_of(experiment.workspace) / experiment.name / run_id
        if (folder / RECORD).exists():
            raise UserErrorException(
                f"The run '{run_id}' exists: give another id, or none. Run.get returns it."
            )
        record = {
            "id": run_id,
            "status": "Running",
            "type": None,
            "startTimeUtc": datetime.now(UTC).isoformat(),
            "tags": dict(tags or {}),
            "properties": {},
            "metrics": {},
            "begunBy": this_process(),
            **facts,
        }
        write_atomically(folder / RECORD, json.dumps(record, indent=2))
        return cls(experiment, run_id, outputs)

    @classmethod
    def get_context(
        cls,
        allow_offline: bool = True,
        used_for_context_manager: bool = False,
        **_: Any,
    ) -> Any:
        """Return the run that this script was submitted as; else one that only prints."""
        place = os.environ.get(CONTEXT_VARIABLE)
        if place:
            from mlmagic.azureml.core.experiment import Experiment
            from mlmagic.azureml.core.workspace import Workspace
            from mlmagic.workspace import Workspace as LocalWorkspace

            folder = Path(place)
            workspace = Workspace._of(LocalWorkspace(folder.parents[3]))
            return cls(Experiment(workspace, folder.parent.name), folder.name)
        if not allow_offline:
            raise RunEnvironmentException
        return OfflineRun()

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:
        """Return the run that this script was submitted as."""
        return cls.get_context(allow_offline=False, **kwargs)

    @staticmethod
    @differs("A run that is not there is a UserErrorException")
    def get(workspace: Workspace, run_id: str) -> Run:
        """Return a run by its id."""
        from mlmagic.azureml.core.experiment import Experiment

        for record in runs_of(workspace).glob(f"*/{run_id}/{RECORD}"):
            return _rehydrated(Run(Experiment(workspace, record.parents[1].name), run_id))
        raise UserErrorException(f"RunId: {run_id} does not exist in workspace '{workspace.name}'.")

    @staticmethod
    def list(
        experiment: Experiment,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> builtins.list[Run]:
        """Return the runs of an experiment, newest first."""
        folder = runs_of(experiment.workspace) / experiment.name
        found = [Run(experiment, path.parent.name) for path in folder.glob(f"*/{RECORD}")]
        found.sort(key=lambda run: run._read()["startTimeUtc"], reverse=True)
        if not include_children:
            found = [run for run in found if not run._read().get("parent")]
        return [_rehydrated(run) for run in Run._having(found, type, tags, properties, status)]

    @staticmethod
    def _having(
        runs: builtins.list[Run], type: str | None, tags: Any, properties: Any, status: str | None
    ) -> builtins.list[Run]:
        return [
            run
            for run in runs
            if status in (None, run.status)
            and type in (None, run.type)
            and _has(run.tags, tags)
            and _has(run.properties, properties)
        ]

    @property
    def parent(self) -> Run | None:
        """The run that this one is a child of, or the search, of one of its trials."""
        found = self._read().get("parent")
        return _rehydrated(Run(self.experiment, found)) if found else None

    def child_run(
        self, name: str | None = None, run_id: str | None = None, outputs: str | None = None
    ) -> Run:
        """Begin a run below this one; `complete` ends it."""
        return Run._begin(
            self.experiment, run_id=run_id, outputs=outputs, parent=self.id, displayName=name
        )

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """Return the runs below this one, newest first."""
        for run in Run.list(self.experiment, include_children=True):
            if run._read().get("parent") == self.id:
                yield from Run._having([run], type, tags, properties, status)
                if recursive:
                    yield from run.get_children(True, tags, properties, type, status)

    def start(self) -> None:
        """Say that it runs."""
        self._change(status="Running", begunBy=this_process())

    def complete(self, _set_status: bool = True) -> None:
        """Say that it came to its end."""
        self._end("Completed")

    def fail(
        self,
        error_details: object = None,
        error_code: str | None = None,
        _set_status: bool = True,
    ) -> None:
        """Say that it failed."""
        self._end("Failed", error={"code": error_code, "message": f"{error_details or ''}"})

    def flush(self, timeout_seconds: int = 300) -> None:
        """Nothing waits to be written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is None:
            self.complete()
            return
        try:
            self.fail(error)
        except OSError as fault:  # the script's own error is the one that counts
            error.add_note(f"What it left could not be kept: {fault}")

    @differs("Data sets are not kept; a pickle that nobody trusts is refused")
    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Any = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
        **kwargs: Any,
    ) -> Model:
        """Register files of this run as a model; ``model_path`` is the path among them."""
        from mlmagic.azureml.core.model import Model
        from mlmagic.azureml.core.model_registering import register

        wanted = Path(os.path.normpath(model_path or model_name)).as_posix()
        source = self.folder / wanted
        names = self.get_file_names()
        if not source.resolve().is_relative_to(self.folder.resolve()) or not source.exists():
            raise ModelPathNotFoundException(
                f"Could not locate the provided model_path {wanted} in the set of files uploaded "
                f"to the run: {names}"
            )
        made = register(
            self.experiment.workspace,
            None,
            model_name,
            tags=tags,
            properties=properties,
            description=description,
            framework=model_framework,
            framework_version=model_framework_version,
            resources=resource_configuration,
            run_id=self.id,
            asset_path=wanted,
            experiment_name=self.experiment.name,
        )
        return Model._of(self.experiment.workspace, made)

    def __repr__(self) -> str:
        return (
            f"Run(Experiment: {self.experiment.name},\nId: {self.id},\nType: {self.type},\n"
            f"Status: {self.status})"
        )


def _rehydrated(run: Run) -> Run:
    """Give a run the class that v1 gave it."""
    if run.type != "automl":
        return run
    from mlmagic.azureml.train.automl.run import AutoMLRun

    return AutoMLRun(run.experiment, run.id)


def _has(facts: dict[str, str], wanted: Any) -> bool:
    if not wanted:
        return True
    if isinstance(wanted, str):
        return wanted in facts
    return all(facts.get(key) == value for key, value in dict(wanted).items())


def get_run(
    experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True
) -> Run:
    """Return a run by its id."""
    return _rehydrated(Run(experiment, run_id))


_DATA = "Read the data with pandas or fsspec."
InputDatasets = refused_class("InputDatasets", _DATA)
LinkOutput = refused_class("LinkOutput", "Write to the folder 'outputs'.")
OutputDatasets = refused_class("OutputDatasets", "Write to the folder 'outputs'.")
