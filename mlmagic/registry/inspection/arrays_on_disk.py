"""NumPy's own files: their header, and the pickle that an array of objects is."""

from __future__ import annotations

import ast
import math
import re
from typing import IO, Any

from mlmagic.registry.inspection.findings import Finding
from mlmagic.registry.pickles import scan_stream

MAGIC = b"\x93NUMPY"
# numpy.lib.format refuses a longer header unless told to trust it.
_LONGEST = 10_000
_SIZED = re.compile(r"[<>|=]?([a-zA-Z])(\d+)")
_UNICODE_BYTES = 4


def scan(stream: IO[bytes], size: int, name: str) -> list[Finding]:
    """Check one array."""
    major = stream.read(len(MAGIC) + 2)[len(MAGIC)]
    width = 2 if major == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > _LONGEST:
        why = f"its header claims {length} bytes, above the {_LONGEST} that NumPy reads"
        return [Finding(name="npy header", file=name, why=why)]
    try:
        header = ast.literal_eval(stream.read(length).decode("latin1"))
        kind, shape = header["descr"], tuple(map(int, header["shape"]))
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as error:
        return [Finding(name="npy header", file=name, why=f"it cannot be read ({error})")]
    if _has_objects(kind):
        return [
            Finding(name=bad.name, file=name, position=bad.position, why=bad.why)
            for bad in scan_stream(stream).problems
        ]
    wanted, there = math.prod(shape) * _bytes(kind), size - stream.tell()
    if wanted > there:
        why = f"it claims {wanted} bytes of numbers, and {there} follow"
        return [Finding(name="npy header", file=name, why=why)]
    return []


def _has_objects(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind.lstrip("<>|=").startswith("O")
    if isinstance(kind, tuple | list):
        return any(_has_objects(each[1] if isinstance(each, tuple) else each) for each in kind)
    return True


def _bytes(kind: Any) -> int:
    """Say how large one element is; of a structure at least one byte."""
    sized = _SIZED.fullmatch(kind) if isinstance(kind, str) else None
    if sized is None:
        return 1
    return int(sized[2]) * (_UNICODE_BYTES if sized[1] == "U" else 1)
