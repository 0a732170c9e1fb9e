"""Workers forked from one process that has loaded the script: v1's ``WORKER_PRELOAD``.

They share the memory of what ``init()`` loaded, and start at once. Threads and event loops that
``init()`` started stay behind in the parent, as they do with gunicorn's ``--preload``.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import struct
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.lifeline import NAME as LIFELINE
from mlmagic.scoring.status import Stage, Status
from mlmagic.scoring.turn import LET_GO

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("azmlinfsrv")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_MOST_CRASHES = 5
_HEALTHY_SECONDS = 60.0
_TOLD = struct.Struct("=H?")  # index of a worker, and whether it is ready; else it drains
_SIGNALS = (signal.SIGTERM, signal.SIGINT, LET_GO, signal.SIGUSR1, signal.SIGCHLD)


class _WorkerStatus(Status):
    """The stage of one worker; the parent hears what it needs."""

    def __init__(self, generation: int, tell: Callable[[bool], None]) -> None:
        super().__init__(None, generation)
        self._hears = tell

    def enter(self, stage: Stage, **values: Any) -> None:
        super().enter(stage, **values)
        if stage in ("ready", "draining"):
            self._hears(stage == "ready")


class Forks:
    """Forks workers, and others in the place of those that end, ever more slowly.

    Args:
        count: How many.
        serve: Serves in a worker, until it is told to end; returns its exit code.
        status: Of all workers together.
        generation: The revision that they serve.
    """

    def __init__(
        self, count: int, serve: Callable[[Status], int], status: Status, generation: int
    ) -> None:
        self._count = count
        self._serve = serve
        self._status = status
        self._generation = generation
        self._running: dict[int, tuple[int, float]] = {}  # by process: index, and when it began
        self._due: dict[int, float] = {}  # when a worker is forked again
        self._crashes = [0] * count
        self._ready: set[int] = set()
        self._code = 0
        self._is_stopping = False
        self._hearing, self._telling = os.pipe()
        self._signalled, self._wakeup = os.pipe()

    def run(self) -> int:
        """Keep the workers until told to end.

        Returns:
            0 after a drain, 1 when one of them crashed again and again.
        """
        _warn_of_threads()
        os.set_blocking(self._wakeup, False)
        signal.set_wakeup_fd(self._wakeup)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # the wake-up tells
        self._due = dict.fromkeys(range(self._count), 0.0)
        with selectors.DefaultSelector() as selector:
            selector.register(self._hearing, selectors.EVENT_READ, self._hear)
            selector.register(self._signalled, selectors.EVENT_READ, self._heed)
            while self._running or not self._is_stopping:
                self._fork_due()
                for key, _ in selector.select(self._patience()):
                    key.data(os.read(key.fd, _TOLD.size * 1000))
                self._reap()
        return self._code

    def _patience(self) -> float | None:
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def _fork_due(self) -> None:
        for index, due in list(self._due.items()):
            if due <= time.monotonic() and not self._is_stopping:
                del self._due[index]
                pid = os.fork()
                if pid == 0:
                    self._be_worker(index)
                self._running[pid] = (index, time.monotonic())

    def _be_worker(self, index: int) -> None:
        """Serve, in the new process; does not return."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            code = self._serve(_WorkerStatus(self._generation, partial(self._say, index)))
        except BaseException:
            logger.exception("A worker could not serve")
        finally:
            logging.shutdown()
            os._exit(code)

    def _say(self, index: int, is_ready: bool) -> None:  # noqa: FBT001 - the message
        os.write(self._telling, _TOLD.pack(index, is_ready))

    # What is heard

    def _hear(self, told: bytes) -> None:
        for index, is_ready in _TOLD.iter_unpack(told):
            (self._ready.add if is_ready else self._ready.discard)(index)
        self._tell()

    def _tell(self) -> None:
        if self._is_stopping and not self._ready:
            self._status.enter("draining")  # none of them accepts any more
        elif len(self._ready) == self._count and self._status.stage != "ready":
            self._status.enter("ready")

    def _heed(self, numbers: bytes) -> None:
        if signal.SIGUSR1 in numbers:  # a worker is worn out: all of it is loaded anew
            os.kill(os.getppid(), signal.SIGUSR1)
        if LET_GO in numbers:
            self._stop(0, LET_GO)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._stop(0)

    def _stop(self, code: int, number: int = signal.SIGTERM) -> None:
        self._code, self._is_stopping = code, True
        for pid in self._running:
            os.kill(pid, number)

    def _reap(self) -> None:
        while self._running:
            pid, state = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            index, began = self._running.pop(pid, (None, 0.0))
            if index is None:
                continue  # a process that init() started
            self._ready.discard(index)
            if self._is_stopping:
                self._tell()
            else:
                self._replace(index, pid, os.waitstatus_to_exitcode(state), began)

    def _replace(self, index: int, pid: int, code: int, began: float) -> None:
        healthy = time.monotonic() - began >= _HEALTHY_SECONDS
        self._crashes[index] = 1 if healthy else self._crashes[index] + 1
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        logger.error("Worker %d ended (%s), time %d", pid, reason, self._crashes[index])
        if self._crashes[index] >= _MOST_CRASHES:
            self._stop(1)
        else:
            pause = min(_FIRST_PAUSE * 2 ** (self._crashes[index] - 1), _LONGEST_PAUSE)
            self._due[index] = time.monotonic() + pause


def _warn_of_threads() -> None:
    main = threading.main_thread()
    left = [each.name for each in threading.enumerate() if each is not main]
    if names := ", ".join(sorted(name for name in left if name != LIFELINE)):
        logger.warning(
            "init() started threads (%s) that preloaded workers do not have. "
            "Unset WORKER_PRELOAD if run() needs them.",
            names,
        )
