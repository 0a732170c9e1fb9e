"""``azureml.core.experiment``: runs under one name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.run import Run, runs_of
from mlmagic.azureml.coverage import differs, refuse
from mlmagic.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator

    from mlmagic.azureml.core.workspace import Workspace

_NAME = re.compile(r"[a-zA-Z0-9][\w-]{0,255}")
_FILES = "Runs are folders below '.mlmagic/runs': move or delete them there."


class ViewType:
    """Which experiments are listed; none is archived here."""

    ActiveOnly = "ActiveOnly"
    All = "All"
    ArchivedOnly = "ArchivedOnly"


@refuse(_FILES, "archive", "reactivate", "delete", properties=("archived_time",))
@refuse("There is no portal.", "get_portal_url", "get_docs_url", properties=("portal_url",))
@refuse("Name the experiment: Experiment(workspace, name).", "from_directory")
@refuse("Tag the runs.", "tag", "set_tags", "remove_tags", properties=("tags",))
@refuse("Use the name.", properties=("identity",))
class Experiment:
    """Runs under one name; nothing is made before the first run.

    Raises:
        UserErrorException: The name breaks v1's rule.
    """

    name: str
    workspace: Workspace
    DELIM = "#"
    EXPERIMENT_ID_PATH, EXPERIMENT_NAME_PATH = "/experiments/id/{0}", "/experiments/{0}"
    TID_FMT = "&tid={0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: str | None = None,
        _archived_time: object = None,
        _create_in_cloud: bool = True,
        _experiment_dto: object = None,
        **_: Any,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise UserErrorException(
                f"Experiment name '{name}' is not allowed: 1 to 256 letters, digits, '_' and '-', "
                "the first a letter or digit."
            )
        self.workspace, self.name = workspace, name

    @property
    @differs("The name: it is unique in a workspace")
    def id(self) -> str:
        """The name: it is unique in a workspace."""
        return self.name

    @property
    def workspace_object(self) -> Workspace:
        """The workspace."""
        return self.workspace

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: str | None = None,
        view_type: str = "ActiveOnly",
        tags: object = None,
    ) -> builtins.list[Experiment]:
        """Return the experiments that have runs."""
        if view_type == ViewType.ArchivedOnly or tags:
            return []  # none is archived, none has tags
        names = sorted(path.name for path in runs_of(workspace).glob("*") if path.is_dir())
        return [Experiment(workspace, name) for name in names if experiment_name in (None, name)]

    @differs(
        "The folder is not copied: there is no snapshot; where the process ends without complete() "
        "or fail(), the run is Failed, not Running for ever"
    )
    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Begin a run of this process; `Run.complete` ends it, and takes what ``outputs`` holds.

        Args:
            args: None are needed.
            kwargs: ``outputs``, the folder to keep (False for none), ``run_id``, ``tags``,
                ``properties``, ``display_name``, ``description``; others of v1 are not used.
        """
        outputs = {True: "outputs", None: "outputs", False: None}
        given = kwargs.get("outputs")
        return Run._begin(
            self,
            outputs=outputs.get(given, given),
            run_id=kwargs.get("run_id"),
            tags=kwargs.get("tags"),
            properties=dict(kwargs.get("properties") or {}),
            displayName=kwargs.get("display_name"),
            description=kwargs.get("description"),
        )

    @differs(
        "The script runs on this machine, in this Python, in a process of its own; a fitted search "
        "in the place of an AutoMLConfig gives an AutoMLRun"
    )
    def submit(self, config: Any, tags: dict[str, str] | None = None, **kwargs: Any) -> Run:
        """Run a script, or keep what a search tried; `Run.wait_for_completion` waits for a script.

        Args:
            config: A `ScriptRunConfig`; or a finished search or study of scikit-learn, Optuna,
                FLAML or AutoGluon, which becomes an `AutoMLRun`.
            tags: Labels of the run.
            kwargs: ``build`` makes the fitted model of a trial where the search kept none; others
                of v1 are not needed.

        Raises:
            UserErrorException: It is neither.
        """
        from mlmagic.azureml.core.script_run_config import ScriptRunConfig, start

        if isinstance(config, ScriptRunConfig):
            return start(self, config, tags)
        from mlmagic.azureml.train.automl.run import AutoMLRun
        from mlmagic.registry.run_sources import read_runs

        build = kwargs.get("build")
        tried = read_runs(config, build)
        if tried is None:
            raise UserErrorException(
                f"'{type(config).__name__}' cannot be submitted here; give a ScriptRunConfig, or a "
                "search that is fitted (scikit-learn, Optuna, FLAML, AutoGluon)."
            )
        return AutoMLRun._of(self, config, tried, build=build, tags=tags)

    def get_runs(
        self,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Return the runs, newest first."""
        return iter(Run.list(self, type, tags, properties, include_children=include_children))

    def refresh(self) -> None:
        """Nothing is remembered that could be old."""

    def __repr__(self) -> str:
        return f"Experiment(Name: {self.name},\nWorkspace: {self.workspace.name})"
