"""How many bytes of a joblib file an array takes."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmagic.registry.pickles import Made

_CODE = re.compile(r"[<>|=]?([biufcmMSUV?])(\d+)")
_UNICODE_BYTES = 4
# joblib aligns arrays to 16 bytes: the padding's length is a byte that is no opcode, so that
# pickle.load stops there and cannot be led to read array bytes as opcodes.
_MAX_PADDING = 16
_ITEM_SIZE_AT = 5
_FIELDS_AT = 4


def array_bytes(state: Any, stream: IO[bytes]) -> int | None:
    """Skip the padding before an array and return the array's size in bytes.

    Args:
        state: The state of joblib's wrapper, on stand-ins.
        stream: At the byte after the wrapper's BUILD.

    Returns:
        None where the array holds Python objects: a pickle of its own follows.

    Raises:
        ValueError: The wrapper is not one that joblib writes.
    """
    state = state if isinstance(state, dict) else {}
    dtype, shape = state.get("dtype"), state.get("shape")
    size = item_size(dtype)
    if size is None:
        return None
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("an array has no shape")
    if state.get("numpy_array_alignment_bytes") != _MAX_PADDING:
        raise ValueError("it was written by joblib before 1.2; save it again")
    padding = stream.read(1)
    if not padding or not 0 < padding[0] <= _MAX_PADDING:
        raise ValueError("an array is not aligned")
    stream.read(padding[0])
    count = 1
    for length in shape:
        count *= length
    return count * size


def item_size(dtype: Any) -> int | None:
    """Return the bytes of one item; None for Python objects.

    Raises:
        ValueError: The type is not understood.
    """
    made: Made = dtype
    arguments = getattr(made, "arguments", None)
    if str(getattr(made, "maker", "")) != "numpy.dtype" or not isinstance(arguments, tuple):
        raise ValueError("an array's type is not a numpy.dtype")
    code = arguments[0] if arguments else None
    code = code if isinstance(code, str) else ""
    if re.fullmatch(r"\|?O\d*", code):
        return None
    found = _CODE.fullmatch(code)
    if not found:
        raise ValueError(f"the array type '{code}' is not known")
    kind, number = found.group(1), int(found.group(2))
    if kind == "V":
        return _structure_size(made, number)
    return number * _UNICODE_BYTES if kind == "U" else number


def _structure_size(made: Made, size: int) -> int | None:
    """Size of records: what the state says must agree, and tells whether objects are inside."""
    state = made.state
    if not isinstance(state, tuple) or len(state) <= _ITEM_SIZE_AT:
        raise ValueError("an array of records has no description")
    fields = state[_FIELDS_AT]
    if not isinstance(fields, dict) or state[_ITEM_SIZE_AT] != size:
        raise ValueError("an array of records is described in two ways")
    for field in fields.values():
        inner = field[0] if isinstance(field, tuple) and field else None
        if item_size(inner) is None:
            return None
    return size
