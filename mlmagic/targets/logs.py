"""The end of a log that is rotated to ``service.log.1`` and further."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 16


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
