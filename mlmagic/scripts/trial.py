"""The trial: a script is loaded and its sample scored in a child process, within limits."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Reason, TrialResult
from mlmagic.scripts.child import Child, Ended, Limits
from mlmagic.scripts.tracebacks import render_traceback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.entities import CellOrigin

# What a kernel sets for its own process only.
_KERNELS = (
    "AZUREML_",
    "AML_",
    "MPLBACKEND",
    "JPY_",
    "PYDEVD",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONWARN",
)
_STAGES = {"import": "the import of the script", "init": "init()", "sample": "run(sample)"}


@dataclass(frozen=True, kw_only=True)
class _Trial:
    python: Path
    runtime: Path
    app_root: Path
    entry_script: str
    model_dir: Path | None
    sample: Path | None
    sample_type: str

    def command(self, status: Path) -> list[str]:
        command = [
            str(self.python), "-P", "-m", "mlmagic.scoring", "--check",
            "--entry-script", str(self.app_root / self.entry_script),
            "--app-root", str(self.app_root),
            "--status-file", str(status),
        ]  # fmt: skip
        if self.model_dir is not None:
            command += ["--model-dir", str(self.model_dir)]
        if self.sample is not None:
            command += ["--sample", str(self.sample), "--sample-type", self.sample_type]
        return command

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        folder, _, _ = self.entry_script.rpartition("/")
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith(_KERNELS)},
            **({"AZUREML_SOURCE_DIRECTORY": folder.partition("/")[0]} if folder else {}),
            **variables,
            "PYTHONPATH": str(self.runtime),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",  # tells where a script hangs, or dies in native code
        }


def try_script(  # noqa: PLR0913 - one keyword for each part of a trial
    python: Path,
    *,
    runtime: Path,
    app_root: Path,
    entry_script: str,
    model_dir: Path | None = None,
    sample: Path | None = None,
    sample_type: str = "application/json",
    variables: Mapping[str, str] | None = None,
    origin: CellOrigin | None = None,
    limits: Limits | None = None,
) -> TrialResult:
    """Load a script in its environment as a service would, and score the sample.

    Args:
        python: The environment's interpreter.
        runtime: Folder that holds the scoring runtime, for its module path.
        app_root: Where sources and models are placed.
        entry_script: The script below the app root, with forward slashes.
        model_dir: Value of ``AZUREML_MODEL_DIR``.
        sample: File with the body of a request; without one only ``init()`` runs.
        sample_type: Its media type.
        variables: Environment variables of the service.
        origin: The cell of the script, for the lines of the traceback.
        limits: Time, output and memory that the trial may take.

    Returns:
        How it went. A script that fails is a result, not an exception.

    Raises:
        OSError: The interpreter cannot be started.
    """
    trial = _Trial(
        python=python,
        runtime=runtime,
        app_root=app_root.resolve(),
        entry_script=entry_script,
        model_dir=model_dir,
        sample=sample,
        sample_type=sample_type,
    )
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="mlmagic-trial-") as folder:
        status_file = Path(folder) / "status.json"
        child = Child(
            trial.command(status_file),
            cwd=trial.app_root,
            environment=trial.environment(variables or {}),
            limits=limits,
        )
        ended = child.wait()
        status = _read_status(status_file)
    return _result(status, ended, trial, origin, limits)


def _read_status(path: Path) -> dict[str, Any]:
    import msgspec

    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    return {}


def _result(
    status: Mapping[str, Any],
    ended: Ended,
    trial: _Trial,
    origin: CellOrigin | None,
    limits: Limits,
) -> TrialResult:
    measured: dict[str, Any] = {
        "init_seconds": status.get("init_seconds"),
        "run_ms": status.get("sample_ms"),
        "output": _printed(ended.output),
    }
    stage = str(status.get("stage", "start"))
    if stage == "ready" and ended.code == 0 and not ended.stopped:
        return TrialResult(ok=True, result=status.get("sample_result"), **measured)
    frames, exception = status.get("frames") or [], str(status.get("exception") or "")
    if stage == "failed":
        reason = _reason(status.get("reason"))
        message = str(status.get("message") or exception)
    else:
        reason, message = _judge(stage, ended, limits)
        frames, exception = ended.frames(trial.app_root), message
    traceback = render_traceback(frames, exception, script=trial.entry_script, origin=origin)
    return TrialResult(
        ok=False,
        reason=reason,
        message=message,
        traceback=traceback if frames else "",
        **measured,
    )


def _printed(output: str) -> str:
    """Take the server's own last line, its status, from what the script printed."""
    text, _, last = output.rstrip("\n").rpartition("\n")
    return text if last.startswith('{"format": ') else output


def _reason(word: object) -> Reason:
    try:
        return Reason(str(word))
    except ValueError:
        return Reason.CRASHED


def _judge(stage: str, ended: Ended, limits: Limits) -> tuple[Reason, str]:
    """Say why a process ended that could not say it itself."""
    doing = _STAGES.get(stage, "the start of the scoring server")
    if ended.stopped == "time":
        reason = Reason.SAMPLE_FAILED if stage == "sample" else Reason.INIT_TIMEOUT
        return reason, f"{doing} did not end within {limits.seconds:g} seconds."
    if ended.stopped == "memory":
        used = f"{(limits.memory_bytes or 0) / 2**20:.0f} MiB"
        return Reason.OUT_OF_MEMORY, f"{doing} took more memory than the {used} it may have."
    if ended.code == -signal.SIGKILL:
        message = f"The system killed the process in {doing}, most often for lack of memory."
        return Reason.OUT_OF_MEMORY, message
    if ended.code < 0:
        name = signal.Signals(-ended.code).name
        return Reason.CRASHED, f"The process died in {doing} by signal {name}."
    if stage in _STAGES:
        return Reason.EXITED, f"The process ended itself in {doing} with exit code {ended.code}."
    last = ended.output.strip().rpartition("\n")[2]
    return Reason.CRASHED, f"The scoring server did not start (exit code {ended.code}): {last}"
