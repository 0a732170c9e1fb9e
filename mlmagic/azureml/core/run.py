"""``azureml.core.run``: runs of this machine, as far as registering models from them needs.

A run is a folder below ``.mlmagic/runs/EXPERIMENT/RUN_ID/``: ``run.json``, and the files that were
uploaded to it. A run that a script was submitted as is found by the script through an environment
variable; a script that was not submitted gets an offline run, as in v1.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mlmagic.azureml.core.run_files import RECORD, RunFiles
from mlmagic.azureml.core.run_metrics import RunMetrics
from mlmagic.azureml.coverage import differs, refuse, refused_class
from mlmagic.azureml.exceptions import (
    ActivityFailedException,
    ModelPathNotFoundException,
    RunEnvironmentException,
    UserErrorException,
)
from mlmagic.files import write_atomically

if TYPE_CHECKING:
    import builtins
    import subprocess

    from mlmagic.azureml.core.experiment import Experiment
    from mlmagic.azureml.core.model import Model
    from mlmagic.azureml.core.workspace import Workspace

CONTEXT_VARIABLE = "MLMAGIC_AZUREML_RUN"
_FINAL = ("Completed", "Failed", "Canceled")
_PORTAL = "There is no portal; print the run, or read its folder."
_TRACK = "Track it with MLflow, and register the model from the MLflow run."
_SNAPSHOT = "The script's folder is not copied: keep it in git."


def runs_of(workspace: Workspace) -> Path:
    """Return the folder of a workspace's runs."""
    return workspace.local.root / ".mlmagic" / "runs"


@refuse(_PORTAL, "get_portal_url", "get_docs_url", properties=("portal_url",))
@refuse(_TRACK, "log_accuracy_table", "log_confusion_matrix", "log_predictions", "log_residuals")
@refuse(_TRACK, "child_run", "create_children", "get_children", "submit_child")
@refuse(_SNAPSHOT, "get_snapshot_id", "restore_snapshot", "take_snapshot")
@refuse("Read secrets from the environment.", "get_secret", "get_secrets")
@refuse("Use Run.get(workspace, id).", "add_type_provider", "get_submitted_run", "list_by_compute")
@refuse("Use the id.", properties=("identity", "number"))
@refuse("A run has the files that were uploaded to it.", "clean", "get_environment")
class Run(RunFiles, RunMetrics):
    """A run of an experiment, and what was logged in it."""

    experiment: Experiment
    id: str
    DELIM = "#"
    EXPERIMENT_ID_PATH = EXPERIMENT_NAME_PATH = RUN_PATH = TID_FMT = WORKSPACE_FMT = ""

    def __init__(
        self, experiment: Experiment, run_id: str, outputs: str | None = None, **_: Any
    ) -> None:
        self.experiment, self.id = experiment, run_id
        self.folder = runs_of(experiment.workspace) / experiment.name / run_id
        self._outputs = outputs
        self._process: subprocess.Popen[bytes] | None = None
        self._source: Path | None = None
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
        """Make a run that is running now, of which more facts may be known already."""
        run_id = run_id or f"{experiment.name}_{int(time.time())}_{uuid.uuid4().hex[:8]}"
        experiment.workspace.local.ensure()
        folder = runs_of(experiment.workspace) / experiment.name / run_id
        record = {
            "id": run_id,
            "status": "Running",
            "type": None,
            "startTimeUtc": datetime.now(UTC).isoformat(),
            "tags": dict(tags or {}),
            "properties": {},
            "metrics": {},
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
        from mlmagic.azureml.core.offline_run import OfflineRun

        return OfflineRun()

    @staticmethod
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
        return [_rehydrated(run) for run in Run._having(found, tags, properties, status)]

    @staticmethod
    def _having(
        runs: builtins.list[Run], tags: Any, properties: Any, status: str | None
    ) -> builtins.list[Run]:
        return [
            run
            for run in runs
            if status in (None, run.status)
            and _has(run.tags, tags)
            and _has(run.properties, properties)
        ]

    @property
    def name(self) -> str:
        """The id."""
        return self.id

    @property
    def display_name(self) -> str:
        """The id, or the name it was given."""
        return self._read().get("displayName") or self.id

    @display_name.setter
    def display_name(self, value: str) -> None:
        self._change(displayName=value)

    @property
    def description(self) -> str | None:
        """What it is, in words."""
        return self._read().get("description")

    @description.setter
    def description(self, value: str) -> None:
        self._change(description=value)

    @property
    def status(self) -> str:
        """``Running``, ``Completed``, ``Failed`` or ``Canceled``."""
        self._settle()
        return str(self._read()["status"])

    @property
    def type(self) -> str | None:
        """v1's word for what started it."""
        return self._read().get("type")

    @property
    def parent(self) -> Run | None:
        """The search, of one of its trials."""
        found = self._read().get("parent")
        return _rehydrated(Run(self.experiment, found)) if found else None

    @property
    def tags(self) -> dict[str, str]:
        """Labels that can change."""
        return dict(self._read()["tags"])

    @property
    def properties(self) -> dict[str, str]:
        """Facts that cannot."""
        return dict(self._read()["properties"])

    def get_status(self) -> str:
        """Return the status."""
        return self.status

    def get_detailed_status(self) -> dict[str, Any]:
        """Return the status with room for details, which there are none of."""
        return {"status": self.status, "details": {}}

    def get_tags(self) -> dict[str, str]:
        """Return the tags."""
        return self.tags

    def get_properties(self) -> dict[str, str]:
        """Return the properties."""
        return self.properties

    def get_details(self) -> dict[str, Any]:
        """Return what is known of the run, under v1's keys."""
        record = self._read()
        return {
            "runId": self.id,
            "target": "local",
            "status": self.status,
            "startTimeUtc": record["startTimeUtc"],
            "endTimeUtc": record.get("endTimeUtc"),
            "properties": record["properties"],
            "logFiles": {name: str(self.folder / name) for name in self._logs()},
        }

    def get_details_with_logs(self) -> dict[str, Any]:
        """Return the details with the text of the logs."""
        texts = {name: (self.folder / name).read_text("utf-8", "replace") for name in self._logs()}
        return {**self.get_details(), "logFiles": texts}

    def get_all_logs(self, destination: str | None = None) -> builtins.list[str]:
        """Copy the logs into a folder and return their paths."""
        target = Path(destination or ".")
        return [self._copy_out(name, target / name) for name in self._logs()]

    def start(self) -> None:
        """Say that it runs."""
        self._change(status="Running")

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

    def cancel(self) -> None:
        """Stop it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self._end("Canceled")

    def flush(self, timeout_seconds: int = 300) -> None:
        """Nothing waits to be written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, _traceback: object) -> None:
        if kind is None:
            self.complete()
        else:
            self.fail(error)

    def tag(self, key: str, value: str | None = None) -> None:
        """Set a tag."""
        self._change(tags={**self.tags, key: value})

    def set_tags(self, tags: dict[str, str]) -> None:
        """Set several tags."""
        self._change(tags={**self.tags, **tags})

    def remove_tags(self, tags: builtins.list[str]) -> None:
        """Take tags away."""
        self._change(tags={key: v for key, v in self.tags.items() if key not in tags})

    def add_properties(self, properties: dict[str, str]) -> None:
        """Add facts."""
        self._change(properties={**self.properties, **properties})

    @differs("Data sets are not kept")
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
        from mlmagic.azureml.core.model import register

        wanted = Path(os.path.normpath(model_path or model_name)).as_posix()
        source = self.folder / wanted
        names = self.get_file_names()
        if not source.resolve().is_relative_to(self.folder.resolve()) or not source.exists():
            raise ModelPathNotFoundException(
                f"Could not locate the provided model_path {wanted} in the set of files uploaded "
                f"to the run: {names}"
            )
        return register(
            self.experiment.workspace,
            [source],
            model_name,
            tags=tags,
            properties=properties,
            description=description,
            framework=model_framework,
            framework_version=model_framework_version,
            resources=resource_configuration,
            run=self,
        )

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,
        raise_on_error: bool = True,
    ) -> dict[str, Any]:
        """Wait until a submitted script has ended, and return the details.

        Raises:
            ActivityFailedException: It failed.
        """
        if show_output:
            print(f"RunId: {self.id}")
        if self._process is not None:
            self._process.wait()
        while self.status not in _FINAL:
            time.sleep(0.5)
        if show_output:
            print(self._log_text())
        if self.status == "Failed" and raise_on_error:
            raise ActivityFailedException(self._log_text()[-2000:])
        return self.get_details()

    def _watch(self, process: subprocess.Popen[bytes], source: Path) -> None:
        """Follow the process of a submitted script."""
        self._process, self._source = process, source
        self._change(pid=process.pid)

    def __repr__(self) -> str:
        return (
            f"Run(Experiment: {self.experiment.name},\nId: {self.id},\nType: {self.type},\n"
            f"Status: {self.status})"
        )

    def _settle(self) -> None:
        """Take in how a submitted script ended, with what it left in ``outputs``."""
        process, source = self._process, self._source
        if process is None or source is None or process.poll() is None:
            return
        self._process = None
        for folder in ("outputs", "logs"):
            if (source / folder).is_dir():
                shutil.copytree(source / folder, self.folder / folder, dirs_exist_ok=True)
        if self._read()["status"] == "Running":
            self._end("Completed" if process.returncode == 0 else "Failed")

    def _end(self, status: str, **more: Any) -> None:
        self._change(status=status, endTimeUtc=datetime.now(UTC).isoformat(), **more)

    def _logs(self) -> builtins.list[str]:
        return [name for name in self.get_file_names() if name.startswith(("user_logs/", "logs/"))]

    def _log_text(self) -> str:
        return "\n".join((self.folder / n).read_text("utf-8", "replace") for n in self._logs())

    def _read(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder / RECORD).read_text("utf-8"))
        return record

    def _change(self, **facts: Any) -> None:
        write_atomically(self.folder / RECORD, json.dumps({**self._read(), **facts}, indent=2))


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


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True) -> Run:
    """Return a run by its id."""
    return _rehydrated(Run(experiment, run_id))


_DATA = "Read the data with pandas or fsspec."
InputDatasets = refused_class("InputDatasets", _DATA)
LinkOutput = refused_class("LinkOutput", "Write to the folder 'outputs'.")
OutputDatasets = refused_class("OutputDatasets", "Write to the folder 'outputs'.")
