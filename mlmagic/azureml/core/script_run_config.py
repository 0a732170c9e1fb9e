"""``azureml.core.script_run_config``: a script as a run, on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.run import CONTEXT_VARIABLE, Run
from mlmagic.azureml.core.runconfig import RunConfiguration
from mlmagic.azureml.coverage import differs, refuse, refused_class
from mlmagic.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from mlmagic.azureml.core.environment import Environment
    from mlmagic.azureml.core.experiment import Experiment

_LOCAL = (None, "local")
submit = refused_class("submit", "Use Experiment.submit.")


@refuse("Use the id of the run.", properties=("identity",))
@differs("Runs here, in this Python; no environment is built; a missing script is refused at once")
class ScriptRunConfig:
    """A script with its arguments.

    Raises:
        UserErrorException: The script is missing, or something else than this machine is asked for.
    """

    DELIM = "#"
    MAX_DURATION_SECONDS_DEFAULT = 2592000
    source_directory: str
    script: str | None
    arguments: list[Any]
    command: Any
    run_config: RunConfiguration

    def __init__(
        self,
        source_directory: str,
        script: str | None = None,
        arguments: list[Any] | None = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: object = None,
        compute_target: Any = None,
        environment: Environment | None = None,
        distributed_job_config: object = None,
        resume_from: object = None,
        max_run_duration_seconds: int = MAX_DURATION_SECONDS_DEFAULT,
        command: str | list[str] | None = None,
        docker_runtime_config: object = None,
    ) -> None:
        _check_target(compute_target or (run_config.target if run_config else None))
        if distributed_job_config is not None or resume_from is not None:
            raise UserErrorException("Distributed and resumed runs need the cloud of Azure ML.")
        self.run_config = run_config or RunConfiguration()
        script, command = script or self.run_config.script, command or self.run_config.command
        if not script and not command:
            raise UserErrorException("Give a script, or a command.")
        self.source_directory = source_directory or "."
        if script and not Path(self.source_directory, script).is_file():
            raise UserErrorException(
                f"The script '{script}' does not exist in '{self.source_directory}'."
            )
        self.script, self.command = script, command
        self.arguments = list(arguments or self.run_config.arguments)
        if environment is not None:
            self.run_config.environment = environment
        self.max_run_duration_seconds = max_run_duration_seconds
        self.docker_runtime_config = docker_runtime_config


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """Return how a script is run."""
    return script_run_config.run_config


def start(experiment: Experiment, config: ScriptRunConfig, tags: dict[str, str] | None) -> Run:
    """Start a run in a process of its own."""
    _check_target(config.run_config.target)
    run = Run._begin(experiment, tags=tags, type="azureml.scriptrun")
    words = [f"{word}" for word in config.arguments]
    if not config.command:
        command = [sys.executable, "-m", "mlmagic.azureml", config.script or "", *words]
    else:
        parts = [config.command] if isinstance(config.command, str) else config.command
        command = ["/bin/sh", "-c", " ".join([*parts, *words])]
    variables = dict(config.run_config.environment.environment_variables or {})
    source = Path(config.source_directory)
    (source / "outputs").mkdir(exist_ok=True)
    run._submit(command, source, variables | {CONTEXT_VARIABLE: str(run.folder)})
    return run


def _check_target(target: Any) -> None:
    name = getattr(target, "name", target)
    if name not in _LOCAL:
        raise UserErrorException(
            f"The compute target '{name}' is for services; scripts run on this machine: leave it "
            "out."
        )
