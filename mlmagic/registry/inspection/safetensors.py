"""Headers of safetensors files."""

from __future__ import annotations

import json
from typing import IO, Any

from mlmagic.registry.inspection.findings import Finding

_LENGTH = 8
_LARGEST = 100_000_000  # bytes of a header, as the library has it


def begins(head: bytes) -> bool:
    """Say whether the first bytes are a length and the start of JSON."""
    return head[_LENGTH : _LENGTH + 2] == b'{"' and b"\0" in head[:_LENGTH]


def scan(stream: IO[bytes], size: int, name: str) -> list[Finding]:
    """Check that a header is as long as it says, and that its tensors lie in the file."""
    length = int.from_bytes(stream.read(_LENGTH), "little")
    room = size - _LENGTH
    if length > min(room, _LARGEST):
        return _wrong(name, f"it claims {length} bytes, and the file has {max(room, 0)} more")
    try:
        header = json.loads(stream.read(length))
        ends = [_end(told) for key, told in header.items() if key != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _wrong(name, f"it cannot be read ({error!r})")
    there = room - length
    if max(ends, default=0) > there:
        return _wrong(name, f"it claims {max(ends)} bytes of numbers, and {there} follow")
    return []


def _end(told: Any) -> int:
    start, end = told["data_offsets"]
    if not 0 <= start <= end:
        raise ValueError(f"the offsets {start} and {end}")
    return int(end)


def _wrong(name: str, why: str) -> list[Finding]:
    return [Finding(name="safetensors header", file=name, why=why)]
