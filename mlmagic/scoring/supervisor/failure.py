"""Why a generation did not come up, or a worker ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

START_FAILED = 3
_UNFINISHED_SCRIPT = ("import", "init", "sample")


@dataclass(frozen=True)
class Failure:
    """A failure in the words of ``state.json``.

    Attributes:
        is_final: Trying again would give the same.
    """

    reason: str
    message: str
    frames: list[dict[str, Any]] = field(default_factory=list)
    exception: str = ""
    log: list[str] = field(default_factory=list)
    is_final: bool = True
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))

    def told(self, generation: int) -> dict[str, Any]:
        """Return it as ``state.json`` holds it."""
        names = ("reason", "message", "frames", "exception", "log", "at")
        return {"generation": generation} | {name: getattr(self, name) for name in names}


class FailureError(Exception):
    """Carries a failure to whoever decides what follows."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def diagnose(
    code: int, status: dict[str, Any], log: list[str], *, was_ready: bool, short_of_memory: bool
) -> Failure:
    """Say why a worker ended, from its exit code and the last status it told.

    ``short_of_memory`` says that the kernel ended processes for it meanwhile.
    """
    if status.get("reason"):
        return Failure(
            status["reason"], status["message"], status["frames"], status["exception"], log
        )
    stage = status.get("stage", "start")
    if code == -signal.SIGKILL and short_of_memory:
        message = f"The system ended a worker in the stage '{stage}' for lack of memory."
        return Failure("OutOfMemory", message, log=log, is_final=False)
    if code >= 0 and not was_ready and stage in _UNFINISHED_SCRIPT:
        message = f"The script ended the process with exit code {code} in the stage '{stage}'."
        return Failure("ScriptExited", message, log=log)
    ended = f"with signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    message = f"A worker ended {ended} in the stage '{stage}'."
    return Failure("Crashed", message, log=log, is_final=code == START_FAILED)
