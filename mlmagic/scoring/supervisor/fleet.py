"""The workers of one generation, kept alive."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.scoring.supervisor.failure import Failure, FailureError
from mlmagic.scoring.supervisor.worker import Worker
from mlmagic.scoring.turn import LET_GO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.scoring.supervisor.desired import Desired
    from mlmagic.scoring.supervisor.listener import Listener
    from mlmagic.scoring.supervisor.logfile import ServiceLog

STAGES = ("start", "init", "sample", "waiting", "ready")
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_MOST_CRASHES = 5
_HEALTHY_SECONDS = 60.0


class Fleet:
    """As many workers as a generation wants; those that crash come back, ever more slowly.

    Args:
        desired: What they run.
        listener: What they accept from.
        directory: Where their status files lie.
        log: Where their output goes.
        changed: Called when anything changed.
        alone: No other generation serves: accept from the start, and try crashes again.
    """

    def __init__(
        self,
        desired: Desired,
        listener: Listener,
        *,
        directory: Path,
        log: ServiceLog,
        changed: Callable[[], None],
        alone: bool,
    ) -> None:
        self.desired = desired
        self.listener = listener
        self._directory = directory
        self._log = log
        self._tell = changed
        self._alone = alone
        self._was_ready = False
        self._stopping = False
        self._moved = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.workers: dict[int, Worker] = {}
        self.restarts = [0] * desired.workers
        self.crash: Failure | None = None
        self.failure: Failure | None = None

    @property
    def stage(self) -> str:
        """The stage of the worker that is furthest behind."""
        stages = [worker.stage for worker in self.workers.values()]
        known = [STAGES.index(stage) for stage in stages if stage in STAGES]
        return STAGES[min(known)] if len(known) == self.desired.workers else STAGES[0]

    async def become_ready(self) -> None:
        """Start the workers and wait until all are ready.

        Raises:
            FailureError: They will not be.
        """
        self._tasks = [asyncio.create_task(self._keep(i)) for i in range(self.desired.workers)]
        while not self._all_ready():
            await self._moved.wait()
            self._moved.clear()
            if self.failure is not None:
                raise FailureError(self.failure)
        self._was_ready = True

    async def let_go(self) -> None:
        """Wait until no worker that was told to stop accepts connections any more."""
        while any(worker.accepts for worker in self.workers.values()):
            await self._moved.wait()
            self._moved.clear()

    async def fail(self) -> Failure:
        """Wait until the workers can no longer be kept alive."""
        while self.failure is None:
            await self._moved.wait()
            self._moved.clear()
        return self.failure

    async def stop(self, *, drain: bool = True, replaced: bool = False) -> None:
        """End all workers.

        Args:
            drain: They answer what they have accepted.
            replaced: Another fleet has the service: connections have more time to move over, and
                those that serve drain in any case.
        """
        self._stopping = True
        for worker in self.workers.values():
            worker.stopping = True
            if not drain and not (replaced and worker.serves()):
                worker.kill()
        number = LET_GO if replaced else signal.SIGTERM
        await asyncio.gather(*(worker.stop(number) for worker in self.workers.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.workers.clear()
        self._changed()

    def nudge(self) -> None:
        """Look at the workers now."""
        for worker in self.workers.values():
            worker.nudge()

    def _is_stopping(self) -> bool:
        return self._stopping

    def _all_ready(self) -> bool:
        ready = [worker.ready for worker in self.workers.values()]
        return len(ready) == self.desired.workers and all(ready)

    def _changed(self) -> None:
        if self._was_ready and self._all_ready():
            self.crash = None
        self._moved.set()
        self._tell()

    async def _keep(self, index: int) -> None:
        crashes = 0
        while not self._stopping:
            name = f"worker-{self.desired.generation}-{id(self):x}-{index}.json"
            worker = Worker(self.desired, self._directory / name, self._log, self._changed)
            failure = await self._live(worker, index)
            if self._is_stopping():
                return
            ready_at = worker.ready_at
            healthy = ready_at is not None and time.monotonic() - ready_at >= _HEALTHY_SECONDS
            crashes = 1 if healthy else crashes + 1
            if self._is_end(failure, crashes):
                return
            self.crash = failure
            self.restarts[index] += 1
            self._changed()
            await asyncio.sleep(min(_FIRST_PAUSE * 2 ** (crashes - 1), _LONGEST_PAUSE))

    async def _live(self, worker: Worker, index: int) -> Failure:
        updating = not self._was_ready and not self._alone
        others_serve = updating or any(each.ready for each in self.workers.values())
        self.workers[index] = worker
        about = f"revision/{self.desired.generation}"
        try:
            worker.start(self.listener.socket.fileno(), accept_when_ready=others_serve, index=index)
            started = f"worker {worker.pid} of generation {self.desired.generation} started"
            about = f"worker/{worker.pid}"
            self._log.say("Started", about, started)
            self._changed()
            failure = await worker.live()
        except FailureError as error:
            failure = error.failure
        except OSError as error:
            message = f"A worker cannot be started: {error.strerror}."
            failure = Failure("Crashed", message, is_final=False)
        if not self._stopping:
            self._log.say(failure.reason, about, failure.message, warning=True)
        return failure

    def _is_end(self, failure: Failure, crashes: int) -> bool:
        if not self._was_ready and (failure.is_final or not self._alone):
            self.failure = failure
        elif crashes >= _MOST_CRASHES:
            # Too little memory is the cause to tell; that it came again and again is not.
            reason = failure.reason if failure.reason == "OutOfMemory" else "CrashLoop"
            message = f"A worker ended {crashes} times in a row. {failure.message}"
            self.failure = replace(failure, reason=reason, message=message)
        self._changed()
        return self.failure is not None
