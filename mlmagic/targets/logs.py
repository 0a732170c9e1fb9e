"""The end of a log that is rotated to ``service.log.1`` and further."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """The lines of a log that came after a mark.

    Attributes:
        lines: The newest of them, without line ends.
        dropped: How many older ones were left out, as far as it is known.
        mark: Where the next page begins.
    """

    lines: list[str]
    dropped: int = 0
    mark: object = None


def tail(log: Path, lines: int) -> list[str]:
    """Return the last lines of a log, older files included.

    Args:
        log: The newest file.
        lines: How many lines at most.
    """
    found: list[str] = []
    number = 0
    file = log
    while len(found) < lines and file.is_file():
        found = _tail_of_file(file, lines - len(found)) + found
        number += 1
        file = log.with_name(f"{log.name}.{number}")
    return found


def _tail_of_file(file: Path, lines: int) -> list[str]:
    if lines <= 0:
        return []
    with file.open("rb") as stream:
        data = _end_of(stream, lines)
    return data.decode(errors="replace").splitlines()[-lines:]


def _end_of(stream: BinaryIO, lines: int) -> bytes:
    """Read backwards until there are enough lines."""
    position = stream.seek(0, os.SEEK_END)
    blocks: list[bytes] = []
    breaks = 0
    while position > 0 and breaks <= lines:
        start = max(0, position - _BLOCK)
        stream.seek(start)
        blocks.insert(0, stream.read(position - start))
        breaks += blocks[0].count(b"\n")
        position = start
    return b"".join(blocks)


def read_on(log: Path, mark: object, limit: int) -> LogPage:
    """Return what was written to a rotated log since a mark.

    Args:
        log: The newest file.
        mark: The mark of the page before; None begins with the last lines that are there.
        limit: How many lines at most.
    """
    if mark is None:
        lines = tail(log, limit)
        return LogPage(lines=lines, mark=_end_mark(log))
    newest: deque[str] = deque(maxlen=limit)
    count = 0
    file, offset = mark if isinstance(mark, tuple) else (0, 0)
    for path in (log.with_name(f"{log.name}.1"), log):
        found = _number(path)
        if found is None or (path != log and found != file):
            continue  # what is older than the mark's file was read before
        begin = offset if found == file else 0
        read, offset = _read_lines(path, begin, newest)
        file = found
        count += read
    return LogPage(lines=list(newest), dropped=count - len(newest), mark=(file, offset))


def after(before: list[str], now: list[str]) -> list[str]:
    """Return the lines of ``now`` that come after those of ``before``, where they overlap."""
    for start in range(len(before)):
        if now[: len(before) - start] == before[start:]:
            return now[len(before) - start :]
    return now


def _read_lines(path: Path, begin: int, newest: deque[str]) -> tuple[int, int]:
    """Read whole lines; return how many there were, and where they end."""
    count = 0
    with path.open("rb") as stream:
        stream.seek(begin)
        for line in stream:
            if not line.endswith(b"\n"):
                break  # still being written
            begin += len(line)
            count += 1
            newest.append(line.decode(errors="replace").rstrip("\r\n"))
    return count, begin


def _number(path: Path) -> int | None:
    """Return the file's number, which stays when it is renamed; None where there is no file."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _end_mark(log: Path) -> tuple[int, int]:
    number = _number(log)
    if number is None:
        return 0, 0
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _BLOCK))
        last = stream.read().rfind(b"\n")
    return number, max(0, size - _BLOCK) + last + 1
