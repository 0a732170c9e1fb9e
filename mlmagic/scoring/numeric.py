"""Rows of numbers straight into NumPy, where the script's environment has pysimdjson.

No Python object is made for a number, so that large bodies take half the time. Only what
can be proved to be what the other way gives is read here; the rest goes the other way.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

LARGE = 16 * 1024  # bytes; below, nothing is gained
_KEPT = 8 * 1024 * 1024  # bytes of a body for which a thread keeps its parser's memory
_NARROW = 4  # rows that are shorter cost more here
_TYPES = {None: ("i", "d"), "float64": ("d",), "float32": ("d",)}
_DTYPES = {"i": "int64", "d": "float64"}


class _Kept(threading.local):
    parser: Any = None


_kept = _Kept()


def read_numbers(body: bytes, name: str, dtype: Any) -> Any:
    """Return the array of numbers that is all of a JSON object.

    Args:
        body: The object.
        name: Its only key.
        dtype: Type of the items; None takes what NumPy would find.

    Returns:
        An array of one or two dimensions; None where the other way has to decide.
    """
    types = _TYPES.get(dtype if dtype is None else str(dtype))
    library = _library()
    if library is None or types is None:
        return None
    try:
        return _read(library, body, name, types, dtype)
    except (ValueError, TypeError, KeyError, RuntimeError, IndexError):
        return None  # no JSON, other values, other names: the other way says what is wrong


def _read(library: Any, body: bytes, name: str, types: tuple[str, ...], dtype: Any) -> Any:
    import numpy as np

    if _kept.parser is None or len(body) > _KEPT:
        _kept.parser = library.Parser()
    parser = _kept.parser
    if len(body) > _KEPT:
        _kept.parser = None
    document = parser.parse(body)
    if len(document) != 1:
        return None
    array = document[name]
    shape = _shape(library, array)
    # One bracket for each list that was counted: none lies deeper, which would be flattened.
    if shape is None or body.count(b"[") != (1 if len(shape) == 1 else 1 + shape[0]):
        return None
    buffer, found = _buffer(array, types)
    with np.errstate(over="ignore"):
        return np.frombuffer(buffer, found).reshape(shape).astype(dtype or found, copy=False)


def _buffer(array: Any, types: tuple[str, ...]) -> tuple[bytearray, str]:
    """Return the numbers; where one is no integer, all become floats, as NumPy has it."""
    first, *others = types
    try:
        return bytearray(array.as_buffer(of_type=first)), _DTYPES[first]
    except TypeError:
        if not others:
            raise
    return _buffer(array, tuple(others))


def _shape(library: Any, array: Any) -> tuple[int, ...] | None:
    first = array[0]
    if not isinstance(first, library.Array):
        return (len(array),)
    width = len(first)
    if width < _NARROW or not all(len(row) == width for row in array):
        return None
    return len(array), width


@cache
def _library() -> Any:
    try:
        import simdjson
    except ImportError:
        return None
    return simdjson
