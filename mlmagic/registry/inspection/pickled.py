"""Whether a content is a pickle, whatever its name, and what it would do."""

from __future__ import annotations

import io
from typing import IO

from mlmagic.registry.allowlist import exists
from mlmagic.registry.decompression import DamagedError, decompressed, first_bytes
from mlmagic.registry.pickle_machine import Problem, Scan
from mlmagic.registry.pickles import scan_stream

_PROTO, _NEWEST = 0x80, 5
_START = 2
# Of zlib, lzma without a container, and joblib before 0.10: so short that other data begins so too.
_SHORT_MARKS = (b"\x78", b"\x5d\x00", b"ZF")
# Without a protocol's mark any text may be one; this much of it is tried.
_TRIED = 16 << 20
# Of the first opcode of an old pickle that can lead to a call.
_OLD = frozenset(b"(ci]}dlptIFLNSVUXKMJGq0R")


def scan(stream: IO[bytes], *, expected: bool) -> Scan | None:
    """Check a content as a pickle.

    Args:
        stream: Seekable, at its start.
        expected: Whether its name says that it is one: then what cannot be read is a problem.

    Returns:
        None where it is no pickle.
    """
    if expected:
        return _whole(stream)
    head = stream.read(2)
    stream.seek(0)
    if is_marked(head):
        return _whole(stream)
    found = _compressed(stream)
    if found is None and head and head[0] in _OLD:
        stream.seek(0)
        return _old(stream.read(_TRIED))
    return found


def is_marked(head: bytes) -> bool:
    """Say whether the first two bytes are those of protocol 2 or later."""
    return len(head) == 2 and head[0] == _PROTO and 2 <= head[1] <= _NEWEST  # noqa: PLR2004


def _whole(stream: IO[bytes]) -> Scan:
    with decompressed(stream) as (plain, compressed):
        found = scan_stream(plain)
    found.joblib = found.joblib or compressed
    return found


def _old(data: bytes) -> Scan | None:
    """Check what may be a pickle of protocol 0 or 1: it is one if it names what exists."""
    found = scan_stream(io.BytesIO(data))
    named = [bad for bad in found.problems if bad.found is not None and exists(*bad.found)]
    return Scan(problems=named, modules=found.modules) if named else None


def _compressed(stream: IO[bytes]) -> Scan | None:
    """Check what may be a pickle behind a compression, as joblib tells it by its first bytes."""
    start = stream.read(_START)
    stream.seek(0)
    head = b""
    try:
        head = first_bytes(stream, 2)
        if is_marked(head):
            with decompressed(stream) as (plain, _):
                found: Scan | None = scan_stream(plain)
        elif head and head[0] in _OLD:
            found = _old(first_bytes(stream, _TRIED))
        else:
            return None  # what is no pickle is not unpacked, however large
    except DamagedError as error:
        if not head and start.startswith(_SHORT_MARKS):
            return None  # numbers or text that begin like it: nothing comes out of them
        # What stands before the damage would be loaded.
        return Scan(problems=[Problem("compressed data", 0, str(error).rstrip("."))])
    if found is not None:
        found.joblib = True
    return found
