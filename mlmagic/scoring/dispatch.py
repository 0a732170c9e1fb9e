"""Between the event loop and run(): threads whose number adapts to what run() does.

A fixed pool loses a quarter or more on models that hold the interpreter lock; one
thread serialises everything that waits. So it begins with one, and doubles while
work waits and the process is mostly idle.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("azmlinfsrv")
MOST_THREADS = 64
MOST_STUCK = 16  # threads that never came back; then the process is worn out
_TICK = 0.05
_IDLE_CORES = 0.75
_BUSY_CORES = 1.05
_STUCK = 0.05  # a thread that was interrupted and goes on for longer is replaced


class Interrupted(BaseException):
    """Raised inside a call that was given up."""


class NeverBegunError(TimeoutError):
    """A call waited for a thread as long as it might have run."""


@dataclass(slots=True, eq=False)
class _Job:
    function: Callable[[], Any]
    future: asyncio.Future[Any] = field(repr=False)
    index: int = 0  # of the thread that runs it
    began: float | None = None  # when the thread took it
    timer: asyncio.TimerHandle | None = None


class Dispatcher:
    """Calls functions on threads and hands the results back to the event loop.

    The first thread lives as long as the dispatcher: with one thread, everything
    runs on the same one. Must be made inside a running event loop.

    Args:
        threads: Pins the number of threads; None lets it adapt.
        worn_out: Called on the event loop when many threads never came back: only a new
            process gives back what they hold.
    """

    def __init__(
        self, threads: int | None = None, worn_out: Callable[[], None] | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._adaptive = threads is None
        self._worn_out = worn_out
        self.limit = threads or 1
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._running: dict[int, _Job] = {}
        self._alive: set[int] = set()
        self._stuck: set[int] = set()
        self._finished: deque[tuple[_Job, Any, BaseException | None]] = deque()
        self._delivering = False
        self._ticking = False
        self._waited = False
        self._clock = (0.0, 0.0)
        self._ensure_threads()

    async def call(
        self,
        function: Callable[[], Any],
        seconds: float | None = None,
        *,
        wait: float | None = None,
    ) -> Any:
        """Call a function on a thread and wait for its result.

        Args:
            function: Takes no arguments.
            seconds: How long it may run, as v1 counts it, and how long it may wait to begin.
                Then it is given up; the thread is interrupted as soon as it runs Python code
                again.
            wait: How long it may wait to begin, where that is less.

        Raises:
            NeverBegunError: It was given up before it began, so that it can be repeated.
            TimeoutError: It was given up.
        """
        job = _Job(function, self._loop.create_future())
        self._queue.put(job)
        if self._adaptive and not self._ticking:
            self._start_ticking()
        if seconds is not None:
            first = seconds if wait is None else min(wait, seconds)
            job.timer = self._loop.call_later(first, self._look_at, job, seconds)
        try:
            return await job.future
        finally:
            if job.timer is not None:
                job.timer.cancel()

    # Giving up

    def _look_at(self, job: _Job, seconds: float) -> None:
        if job.future.done():
            return
        with self._lock:  # a thread that has not taken it must not any more
            if job.began is None:
                job.future.set_exception(NeverBegunError())
                return
        left = job.began + seconds - time.monotonic()
        if left > 0:
            job.timer = self._loop.call_later(left, self._look_at, job, seconds)
        else:
            self._give_up(job)

    def _give_up(self, job: _Job) -> None:
        job.future.set_exception(TimeoutError())
        with self._lock:
            for thread, running in self._running.items():
                if running is job:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(thread), ctypes.py_object(Interrupted)
                    )
                    self._loop.call_later(_STUCK, self._replace, thread, job)

    def _replace(self, thread: int, job: _Job) -> None:
        """Let another thread take the place of one that is stuck outside of Python."""
        with self._lock:
            is_stuck = self._running.get(thread) is job and len(self._stuck) < MOST_THREADS
            if is_stuck:
                self._stuck.add(thread)
                self._alive.discard(job.index)
        if not is_stuck:
            return
        logger.warning("run() does not end; another thread takes the place of its own")
        self._ensure_threads()
        if len(self._stuck) % MOST_STUCK == 0 and self._worn_out is not None:
            self._worn_out()

    # On the threads

    def _ensure_threads(self) -> None:
        with self._lock:
            for index in range(self.limit):
                if index not in self._alive:
                    self._alive.add(index)
                    name = f"scoring-{index + 1}"
                    threading.Thread(
                        target=self._work, args=(index,), name=name, daemon=True
                    ).start()

    def _work(self, index: int) -> None:
        while not self._surplus(index):
            with contextlib.suppress(Interrupted):  # it came when the call had just ended
                self._perform(self._queue.get(), index)
            if self._stuck and threading.get_ident() in self._stuck:
                self._stuck.discard(threading.get_ident())
                return

    def _surplus(self, index: int) -> bool:
        if index < self.limit:
            return False
        with self._lock:
            surplus = index >= self.limit
            if surplus:
                self._alive.discard(index)
        return surplus

    def _perform(self, job: _Job, index: int) -> None:
        thread = threading.get_ident()
        with self._lock:
            if job.future.done():
                return
            job.index = index
            job.began = time.monotonic()
            self._running[thread] = job
        result, error = None, None
        try:
            result = job.function()
        except BaseException as raised:  # noqa: BLE001 - handed to the caller
            error = raised
        with self._lock:
            self._running.pop(thread, None)
        self._finished.append((job, result, error))
        if not self._delivering:
            # One wake-up of the loop hands over all that finished until it runs.
            self._delivering = True
            with contextlib.suppress(RuntimeError):  # the loop is closed; nobody waits
                self._loop.call_soon_threadsafe(self._deliver)

    # On the event loop

    def _deliver(self) -> None:
        self._delivering = False
        while self._finished:
            job, result, error = self._finished.popleft()
            if job.future.done():
                continue
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)

    def _start_ticking(self) -> None:
        self._ticking = True
        self._waited = False
        self._clock = (time.monotonic(), time.process_time())
        self._loop.call_later(_TICK, self._tick)

    def _tick(self) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        cores = (cpu - self._clock[1]) / max(wall - self._clock[0], 1e-6)
        waits = not self._queue.empty()
        if waits and self._waited and cores < _IDLE_CORES:
            self._resize(self.limit * 2)
        elif cores > _BUSY_CORES and self.limit > 1:
            self._resize(self.limit // 2)
        self._clock, self._waited = (wall, cpu), waits
        if waits or self._running:
            self._loop.call_later(_TICK, self._tick)
        else:
            self._ticking = False

    def _resize(self, threads: int) -> None:
        self.limit = min(threads, MOST_THREADS)
        self._ensure_threads()
