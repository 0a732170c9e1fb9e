"""A child process that cannot take too long, print too much or take too much memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.cancelling import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_POLL_SECONDS = 0.1
_LEAST_MEMORY = 256 << 20
_GRACE_SECONDS = 1.0
_FRAME = re.compile(
    r'^  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)$', re.MULTILINE
)
_STACK = re.compile(r"^(Current thread|Thread) 0x.*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a trial may take.

    Attributes:
        seconds: Until it is stopped.
        output_bytes: How much of its output is kept; the rest is read and dropped.
        memory_bytes: Resident memory of the process and its children; None allows four fifths
            of what the machine has free.
    """

    seconds: float = 120
    output_bytes: int = 64 << 10
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Exit code, or the negative number of the signal.
        stopped: The limit for which it was stopped, ``time`` or ``memory``.
        output: What it printed.
    """

    code: int
    stopped: str = ""
    output: str = ""

    def frames(self, root: Path) -> list[dict[str, Any]]:
        """Return where the user's code was, outermost first, from Python's fault handler."""
        stacks = _STACK.split(self.output)
        found = [_user_frames(stack, root) for stack in stacks[1:]]
        return max(found, key=len, default=[])


class Child:
    """A process in a group of its own, whose end ends all that it started.

    Args:
        command: What to run.
        cwd: Its working directory.
        environment: Its whole environment.
        limits: What it may take.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self._limits = limits
        self._memory = limits.memory_bytes or _fair_share()
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _offer_to_the_killer(self._process.pid)
        self._kept = _Kept(limits.output_bytes)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> Ended:
        """Wait for the end, or bring it about: at a limit, interrupted or cancelled."""
        stopped = ""
        try:
            stopped = self._watch()
            if stopped == "time":
                self._ask_where()
        finally:
            self._kill()
            code = self._process.wait()
            # A grandchild that left the group may still hold the pipe.
            self._reader.join(_GRACE_SECONDS)
        return Ended(code=code, stopped=stopped, output=self._kept.text())

    def _watch(self) -> str:
        end = time.monotonic() + self._limits.seconds
        while self._process.poll() is None:
            check()
            if time.monotonic() > end:
                return "time"
            if _resident(self._process.pid) > self._memory:
                return "memory"
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_POLL_SECONDS)
        return ""

    def _ask_where(self) -> None:
        """Let Python's fault handler print where the process hangs."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - told to the type checker
        with stream, suppress(OSError, ValueError):
            while block := os.read(stream.fileno(), 1 << 16):
                self._kept.add(block)


class _Kept:
    """The beginning and the end of an output of any length."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = b""
        self._tail = b""
        self._dropped = 0

    def add(self, block: bytes) -> None:
        room = self._half - len(self._head)
        self._head += block[:room]
        tail = self._tail + block[room:]
        self._dropped += max(0, len(tail) - self._half)
        self._tail = tail[-self._half :]

    def text(self) -> str:
        gap = f"\n… {self._dropped} bytes left out …\n".encode() if self._dropped else b""
        return (self._head + gap + self._tail).decode(errors="replace")


def _user_frames(stack: str, root: Path) -> list[dict[str, Any]]:
    frames = []
    for match in reversed(list(_FRAME.finditer(stack))):
        file, line = Path(match["file"]), int(match["line"])
        if file.is_relative_to(root) and file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            frames.append(
                {
                    "file": file.relative_to(root).as_posix(),
                    "line": line,
                    "function": match["function"],
                    "code": lines[line - 1].strip() if line <= len(lines) else "",
                }
            )
    return frames


def _resident(pid: int) -> int:
    import psutil

    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.Error:
        return 0


def _fair_share() -> int:
    """Four fifths of the free memory, of the container where there is one."""
    import psutil

    free: int = psutil.virtual_memory().available
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # Cached files count as used, but make room when it is needed.
        free = min(free, limit - used + int(statistics.get("inactive_file", 0)))
    return max(free * 4 // 5, _LEAST_MEMORY)


def _offer_to_the_killer(pid: int) -> None:
    """Let a system out of memory take the trial, not the kernel (Linux)."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")
