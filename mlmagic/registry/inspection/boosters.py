"""Native files of XGBoost, LightGBM and CatBoost: whether they are there to their end.

Their readers are written in C++ and trust what they read: a file that was cut off ends the process
(seen of LightGBM 4.7). None of them is asked here.
"""

from __future__ import annotations

import mmap
from typing import IO

from mlmagic.registry.inspection.findings import Finding

_CATBOOST = b"CBM1"
_LENGTH = 4
_TAIL = 64  # bytes; what may follow the end of a JSON text is a line's end
_LIGHTGBM = (b"tree\nversion=v3", b"tree\nversion=v4")  # earlier ones have no mark at their end


def scan(stream: IO[bytes], size: int, name: str, loader: str | None) -> list[Finding]:
    """Check the end of a file.

    Args:
        stream: An open file.
        size: How many bytes it has.
        name: Its name in the registry, for messages.
        loader: What would read it.
    """
    why = ""
    if loader == "lightgbm":
        why = _lightgbm(stream)
    elif loader == "catboost":
        why = _catboost(stream, size)
    elif loader == "xgboost":
        stream.seek(max(0, size - _TAIL))
        if not stream.read().rstrip().endswith(b"}"):
            why = "it does not end as what XGBoost writes: it was cut off, or is something else"
    return [Finding(name=f"{loader} model", file=name, why=why)] if why else []


def _lightgbm(stream: IO[bytes]) -> str:
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if not text[: len(_LIGHTGBM[0])].startswith(_LIGHTGBM):
            return ""
        trees = text.rfind(b"\nend of trees")
        begun = text.rfind(b"\nparameters:")
        if trees < 0 or (begun > trees and text.find(b"\nend of parameters", begun) < 0):
            return "it was cut off: the mark at the end of its trees or parameters is missing"
    return ""


def _catboost(stream: IO[bytes], size: int) -> str:
    stream.seek(0)
    if stream.read(len(_CATBOOST)) != _CATBOOST:
        return ""
    length = int.from_bytes(stream.read(_LENGTH), "little")
    there = max(0, size - len(_CATBOOST) - _LENGTH)
    return f"it claims {length} bytes, and {there} follow" if length > there else ""
