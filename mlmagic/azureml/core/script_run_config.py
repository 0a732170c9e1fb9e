"""``azureml.core.script_run_config``: a script as a run, on this machine."""

from __future__ import annotations

import os
import subprocess
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
@differs("Runs on this machine and in this Python; the environment is not built")
class ScriptRunConfig:
    """A script with its arguments.

    Raises:
        UserErrorException: The script is missing, or something else than this machine is asked for.
    """

    DELIM = "#"
    MAX_DURATION_SECONDS_DEFAULT = 2592000

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
        target = compute_target or (run_config.target if run_config else None)
        if getattr(target, "name", target) not in _LOCAL:
            raise UserErrorException(
                f"The compute target '{getattr(target, 'name', target)}' is for services; scripts "
                "run on this machine: leave it out."
            )
        if distributed_job_config is not None or resume_from is not None:
            raise UserErrorException("Distributed and resumed runs need the cloud of Azure ML.")
        if script is None and command is None:
            raise UserErrorException("Give a script, or a command.")
        self.source_directory = Path(source_directory or ".")
        if script is not None and not (self.source_directory / script).is_file():
            raise UserErrorException(
                f"The script '{script}' does not exist in '{self.source_directory}'."
            )
        self.script, self.arguments, self.command = script, list(arguments or ()), command
        self.run_config = run_config or RunConfiguration()
        self.environment = environment or self.run_config.environment
        self.max_run_duration_seconds = max_run_duration_seconds
        self.docker_runtime_config = docker_runtime_config


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """Return how a script is run."""
    return script_run_config.run_config


def start(experiment: Experiment, config: ScriptRunConfig, tags: dict[str, str] | None) -> Run:
    """Start a run in a process of its own."""
    run = Run._begin(experiment, tags=tags, type="azureml.scriptrun")
    words = [f"{word}" for word in config.arguments]
    if config.command is None:
        command = [sys.executable, "-m", "mlmagic.azureml", config.script or "", *words]
    else:
        parts = [config.command] if isinstance(config.command, str) else config.command
        command = ["/bin/sh", "-c", " ".join([*parts, *words])]
    variables = dict(config.environment.environment_variables if config.environment else {})
    logs = run.folder / "user_logs"
    logs.mkdir(parents=True, exist_ok=True)
    (config.source_directory / "outputs").mkdir(exist_ok=True)
    with (logs / "std_log.txt").open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=config.source_directory,
            env=os.environ | variables | {CONTEXT_VARIABLE: str(run.folder)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    run._watch(process, config.source_directory)
    return run
