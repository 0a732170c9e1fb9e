"""One worker process: started, followed through its status file, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.supervisor.failure import Failure, FailureError, diagnose
from mlmagic.scoring.supervisor.logfile import LinePump
from mlmagic.scoring.supervisor.memory import kernel_kills, resident_bytes
from mlmagic.scoring.turn import HEED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.scoring.supervisor.desired import Desired
    from mlmagic.scoring.supervisor.logfile import LogFile

_STARTING_INTERVAL = 0.05
_WATCHED_INTERVAL = 0.1
_CALM_INTERVAL = 1.0
_CHUNK = 1 << 16


class Worker:
    """A process that serves one generation.

    Args:
        desired: What it runs.
        status_file: Where it tells its stage.
        log: Where its output goes.
        changed: Called when stage or memory changed.
    """

    def __init__(
        self, desired: Desired, status_file: Path, log: LogFile, changed: Callable[[], None]
    ) -> None:
        self._desired = desired
        self._status_file = status_file
        self._status_stamp = 0
        self._pump = LinePump(log)
        self._changed = changed
        self._nudge = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._output = -1
        self._lifeline = -1
        self._killed_for: Failure | None = None
        self._kernel_kills: int | None = None
        self.stopping = False
        self._stage = "start"
        self.status: dict[str, Any] = {}
        self.started = 0.0
        self._began = 0.0  # the same, by the clock that does not jump
        self.ready_at: float | None = None
        self.memory_bytes: int | None = None

    @property
    def pid(self) -> int | None:
        """The process, once started."""
        return None if self._process is None else self._process.pid

    @property
    def stage(self) -> str:
        """Stage that the worker told last."""
        return self._stage

    @property
    def ready(self) -> bool:
        """Whether it answers requests."""
        return self.stage == "ready"

    def start(self, listening_fd: int, *, accept_when_ready: bool, index: int) -> None:
        """Start the process.

        Raises:
            FailureError: The command cannot be executed.
        """
        self._status_file.unlink(missing_ok=True)
        output, theirs = os.pipe()
        lifeline_end, self._lifeline = os.pipe()
        command = [*self._desired.command, "--fd", str(listening_fd)]
        command += ["--generation", str(self._desired.generation)]
        command += ["--status-file", str(self._status_file), "--lifeline", str(lifeline_end)]
        command += ["--grace", str(self._desired.stop_grace_seconds)]
        command += ["--accept-when-ready"] if accept_when_ready else []
        try:
            self._process = subprocess.Popen(
                command,
                cwd=self._desired.cwd,
                env={"PYTHONUNBUFFERED": "1"} | self._desired.environment,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                pass_fds=(listening_fd, lifeline_end),
                process_group=0,
            )
        except OSError as error:
            os.close(output)
            os.close(self._lifeline)
            message = f"Cannot start '{command[0]}' in '{self._desired.cwd}': {error.strerror}."
            raise FailureError(Failure("EnvironmentFailed", message)) from error
        finally:
            os.close(theirs)
            os.close(lifeline_end)
        self.started, self._began = time.time(), time.monotonic()
        self._kernel_kills = kernel_kills()
        self._limit_cpus(index)
        os.set_blocking(output, False)
        self._output = output
        asyncio.get_running_loop().add_reader(output, self._read_output)

    def serves(self) -> bool:
        """Whether it answers requests at this moment."""
        self._read_status()
        return self.ready

    @property
    def accepts(self) -> bool:
        """Whether it may still take a new connection."""
        ended = self._process is None or self._process.poll() is not None
        return not ended and self.stage != "draining"

    async def live(self) -> Failure:
        """Follow the process until it ends; say why it did."""
        process = self._process
        assert process is not None  # noqa: S101 - started before
        try:
            while process.poll() is None:
                self._look()
                self._nudge.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._nudge.wait(), self._interval())
        finally:
            self._end(process)
        failure = diagnose(
            process.returncode,
            self.status,
            self._pump.last_lines,
            was_ready=self.ready_at is not None,
            short_of_memory=kernel_kills() != self._kernel_kills,
        )
        return self._killed_for or failure

    def nudge(self) -> None:
        """Look at once, for a child has ended."""
        self._nudge.set()

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """Let it drain, as a signal says; kill it after the grace."""
        self.stopping = True
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        self._nudge.set()
        now = time.monotonic()
        heeded, until = now + HEED_SECONDS, now + self._desired.stop_grace_seconds
        while process.poll() is None and (now := time.monotonic()) < until:
            if number != signal.SIGTERM and now > heeded and self.accepts:
                number = signal.SIGTERM  # its script has taken the other for itself
                process.send_signal(number)
            await asyncio.sleep(0.02)
        self.kill()
        while process.poll() is None:  # noqa: ASYNC110 - a killed process ends soon
            await asyncio.sleep(0.02)

    def kill(self) -> None:
        """End the process and what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    # Following

    def _interval(self) -> float:
        if self.ready_at is None or self.stopping:
            return _STARTING_INTERVAL
        return _CALM_INTERVAL if self._desired.memory_bytes is None else _WATCHED_INTERVAL

    def _look(self) -> None:
        self._read_status()
        self._weigh()
        limit = self._desired.start_timeout_seconds
        if self.ready_at is None and not self.stopping and time.monotonic() - self._began > limit:
            message = f"The stage '{self.stage}' did not end within {limit:g} s of the start."
            self._kill_for("InitTimeout", message)

    def _read_status(self) -> None:
        try:
            stamp = self._status_file.stat().st_mtime_ns
            if stamp == self._status_stamp:
                return
            self.status = json.loads(self._status_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        self._status_stamp = stamp
        told = self.status["stage"]
        if told != "failed":  # the stage in which it failed says more
            self._stage = "start" if told == "import" else told
        if self.ready and self.ready_at is None:
            self.ready_at = time.monotonic()
        self._changed()

    def _weigh(self) -> None:
        assert self._process is not None  # noqa: S101 - started before
        memory = resident_bytes(self._process.pid)
        if memory is None:
            return
        limit = self._desired.memory_bytes
        if limit is not None and memory > limit:
            message = f"A worker held {memory} bytes of memory; its limit is {limit}."
            self._kill_for("OutOfMemory", message)
        if self.memory_bytes is None or abs(memory - self.memory_bytes) > self.memory_bytes // 20:
            self.memory_bytes = memory
            self._changed()

    def _kill_for(self, reason: str, message: str) -> None:
        if self._killed_for is None:
            log = self._pump.last_lines
            self._killed_for = Failure(reason, message, log=log)
            self.kill()

    # Output and end

    def _read_output(self) -> None:
        try:
            data = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._pump.feed(data)
        else:
            self._close_output()

    def _close_output(self) -> None:
        if self._output >= 0:
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1
            self._pump.finish()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Take in what is left, and end what the process has left behind."""
        self.kill()
        if process.poll() is None:
            process.wait()
        self._read_status()
        if self.ready:
            self._stage = "start"  # the one that takes its place has to begin there
        with contextlib.suppress(OSError):
            while self._output >= 0 and (data := os.read(self._output, _CHUNK)):
                self._pump.feed(data)
        self._close_output()
        os.close(self._lifeline)
        self._status_file.unlink(missing_ok=True)

    def _limit_cpus(self, index: int) -> None:
        """Keep the worker on as many CPUs as it may use, neighbours on others."""
        if self._desired.cpus is None or sys.platform != "linux" or self._process is None:
            return
        here = sorted(os.sched_getaffinity(0))
        count = min(math.ceil(self._desired.cpus), len(here))
        chosen = {here[(index * count + step) % len(here)] for step in range(count)}
        with contextlib.suppress(OSError):
            os.sched_setaffinity(self._process.pid, chosen)
