"""The service's log: whole lines of all workers, rotated; and its events, kept for longer."""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 10 * 1024 * 1024
_EVENTS_LIMIT = 128 * 1024
FILES = 3
_KEPT_LINES = 40
_KEPT_LENGTH = 1000
_LONGEST_LINE = 64 * 1024


class LogFile:
    """Appends to a file of limited size; older parts are ``.1`` and ``.2``.

    A full disk loses lines, never the service.

    Args:
        path: The file.
        limit: Bytes that it may have.
        echo: Write everything to the standard error too.
    """

    def __init__(self, path: Path, *, limit: int = LIMIT, echo: bool = False) -> None:
        self._path = path
        self._limit = limit
        self._echo = echo
        path.touch(mode=0o600)
        self._stream = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, data: bytes) -> None:
        """Append whole lines."""
        if self._echo:
            with contextlib.suppress(OSError):
                os.write(2, data)
        try:
            if self._size + len(data) > self._limit and self._size:
                self._rotate()
            self._stream.write(data)
        except OSError:
            return
        self._size += len(data)

    def _rotate(self) -> None:
        self._stream.close()
        for number in range(FILES - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}")
            source = newer if number > 1 else self._path
            if source.exists():
                source.replace(older)
        self._path.touch(mode=0o600)
        self._stream = self._path.open("ab", buffering=0)
        self._size = 0


class ServiceLog(LogFile):
    """The log of a service, ``service.log``, and beside it ``events.log``.

    What happened is still known when the lines of a busy service have pushed it out of the log.

    Args:
        directory: Where they lie.
        echo: Write the log to the standard error too.
    """

    def __init__(self, directory: Path, *, echo: bool = False) -> None:
        super().__init__(directory / "service.log", echo=echo)
        self._events = LogFile(directory / "events.log", limit=_EVENTS_LIMIT)

    def say(self, reason: str, about: str, message: str, *, warning: bool = False) -> None:
        """Write an event, and the line of it in the form of the server's lines.

        Args:
            reason: One word for machines.
            about: What it happened to, such as ``worker/4711``.
            message: The same for people.
            warning: It should not have happened.
        """
        now = datetime.now(UTC)
        event = {"at": now.isoformat(timespec="milliseconds"), "reason": reason, "about": about}
        event |= {"type": "Warning" if warning else "Normal", "message": message}
        self._events.write(json.dumps(event).encode() + b"\n")
        clock = f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}"
        text = f"{about}: {reason}: {message}" if warning else message
        self.write(f"{clock} I [{os.getpid()}] mlmagic.supervisor - {text}\n".encode())


class LinePump:
    """Cuts what one process writes into whole lines for the log, and keeps the last ones."""

    def __init__(self, log: LogFile) -> None:
        self._log = log
        self._rest = b""
        self._last: deque[bytes] = deque(maxlen=_KEPT_LINES)

    @property
    def last_lines(self) -> list[str]:
        """The last lines, for a failure."""
        return [line[:_KEPT_LENGTH].decode(errors="replace") for line in self._last]

    def feed(self, data: bytes) -> None:
        """Take the next bytes; the end of a line may follow later."""
        head, newline, rest = (self._rest + data).rpartition(b"\n")
        if len(rest) > _LONGEST_LINE:
            head, newline, rest = head + newline + rest, b"\n", b""
        self._rest = rest
        if newline:
            self._last.extend(head.split(b"\n")[-_KEPT_LINES:])
            self._log.write(head + b"\n")

    def finish(self) -> None:
        """Write what has no line end."""
        if self._rest:
            self.feed(b"\n")
