"""A deployment in a process of its own, so that it goes on when the kernel dies.

Building and pushing an image takes a while. The process that does it tells its stage, its
progress and its failure in ``job.json``, which everybody may read::

    python -m mlmagic.targets.docker SERVICE_FOLDER       what `start` is given
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from mlmagic.entities import ProcessIdentity, Reason, ServiceEvent
from mlmagic.errors import DamagedRecordError, MlmagicError
from mlmagic.files import read_record, write_record
from mlmagic.targets import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.02


class Watched(Protocol):
    """What counts the changes of something that is watched."""

    @property
    def count(self) -> int:
        """How many changes there have been."""

    def wait(self, since: int, seconds: float) -> object:
        """Return when there has been a change since a count, at the latest in time."""


@dataclass(frozen=True, kw_only=True)
class JobFailure:
    """Why a deployment did not come to its end.

    Attributes:
        reason: One word for machines.
        message: The same for people, with the way out.
    """

    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True)
class JobState:
    """What a deployment tells of itself.

    Attributes:
        generation: The revision that it brings up.
        stage: ``environment``, ``image``, ``push``, ``start``, and where the job follows the new
            server, that server's stages; ``done`` at its end.
        detail: Progress in words, such as ``12 of 40 MB``.
        failure: Why it failed.
        process: Who carries it out; None before it runs.
    """

    generation: int
    stage: str = "environment"
    detail: str = ""
    failure: JobFailure | None = None
    process: ProcessIdentity | None = field(default=None)

    @property
    def is_over(self) -> bool:
        """Whether it has told its end."""
        return self.stage == "done" or self.failure is not None

    @cached_property
    def is_running(self) -> bool:
        """Whether it is not done, and its process lives or is just being started.

        As it was when this was first asked: a process that ends afterwards has told more since.
        """
        return not self.is_over and (self.process is None or processes.is_alive(self.process))

    @property
    def was_interrupted(self) -> bool:
        """Whether its process had died before it was done."""
        return not self.is_over and not self.is_running


class Job:
    """The deployment of one revision, seen by whoever starts, follows or carries it out.

    Args:
        folder: The service's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "job.json"
        self._lock = threading.Lock()
        self._told_end = False

    @property
    def log(self) -> Path:
        """What the process writes: lines of progress, and tracebacks of ours."""
        return self.folder / "job.log"

    @property
    def told_at(self) -> datetime:
        """When it told something last."""
        return datetime.fromtimestamp(self._file.stat().st_mtime, UTC)

    def log_lines(self, count: int) -> list[str]:
        """Return the last lines that the process wrote."""
        if not self.log.is_file():
            return []
        return self.log.read_text(errors="replace").splitlines()[-count:]

    def state(self) -> JobState | None:
        """Return what the last deployment tells; None where there was none."""
        found = self._read()
        if found is not None and found.was_interrupted:
            found = self._read()  # it may have told its end, and ended, in between
        return found

    def events(self) -> list[ServiceEvent]:
        """Return the failure of the last deployment as an event, where it failed."""
        state = self.state()
        if state is None or state.failure is None:
            return []
        failed = ServiceEvent(
            at=self.told_at,
            type="Warning",
            reason=state.failure.reason,
            about=f"revision/{state.generation}",
            message=state.failure.message,
        )
        return [failed]

    def start(self, generation: int, command: Sequence[str]) -> None:
        """Start a process that carries a deployment out; one before it is cancelled."""
        self.cancel()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        # Written before and after: a process that is quicker than us is not overwritten.
        self._write(JobState(generation=generation))
        identity = processes.start_detached(command, cwd=self.folder, output=self.log)
        with self._lock:
            state = self.state()
            if state is not None and state.process is None and not state.is_over:
                self._write(replace(state, process=identity))

    def wait_for_change(self, known: JobState | None, watched: Watched, seconds: float) -> None:
        """Return when more is told than what is known, or something that is watched changes.

        Args:
            known: What the caller has seen told.
            watched: What else may change.
            seconds: How long to wait at most.
        """
        since = watched.count
        until = time.monotonic() + seconds
        while self.state() == known and (left := until - time.monotonic()) > 0:
            running = known is not None and not known.is_over
            watched.wait(since, min(left, _LOOK_SECONDS) if running else left)
            if watched.count != since:
                return

    def cancel(self) -> None:
        """End the process, where one runs."""
        state = self.state()
        if state is not None and state.is_running and state.process is not None:
            processes.end_group(state.process, grace_seconds=_GRACE_SECONDS)

    def carry_out(self, work: Callable[[Job], None]) -> int:
        """Do the work in this process, and tell how it ends.

        Returns:
            The exit code: 0 where it came to its end, 1 where it failed.
        """
        self.tell(process=processes.identify())
        try:
            work(self)
        except MlmagicError as error:
            reason = getattr(error, "reason", Reason.START_FAILED)
            message = f"{error.message} {error.hint or ''}".strip()
            self.tell(failure=JobFailure(reason=reason, message=message))
            return 1
        except Exception as error:
            self.tell(failure=JobFailure(reason=Reason.START_FAILED, message=repr(error)))
            raise
        self.finish()
        return 0

    def enter(self, stage: str, detail: str = "") -> None:
        """Tell the stage."""
        self.tell(stage=stage, detail=detail)

    def finish(self) -> None:
        """Tell the end, where there is still to do what nobody has to wait for."""
        self.tell(stage="done", detail="")

    def tell(self, **changes: object) -> None:
        """Change what is told, until the end is; called by the process that carries it out."""
        with self._lock:
            if self._told_end:  # the file may be another deployment's by now
                return
            state = self.state() or JobState(generation=0)
            told: JobState = replace(state, **changes)  # type: ignore[arg-type]
            self._write(told)
            self._told_end = told.is_over

    def _read(self) -> JobState | None:
        try:
            return read_record(self._file, JobState)
        except (FileNotFoundError, DamagedRecordError):
            return None

    def _write(self, state: JobState) -> None:
        write_record(self._file, state)
