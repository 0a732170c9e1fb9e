"""How many bytes of a joblib file an array takes."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmagic.registry.pickle_machine import Made

_CODE = re.compile(r"[<>|=]?([biufcmMSUV?]|O(?=\d*$))(\d*)")
_UNICODE_BYTES = 4
# joblib aligns arrays to 16 bytes: the padding's length is a byte that is no opcode, so that
# pickle.load stops there and cannot be led to read array bytes as opcodes.
_MAX_PADDING = 16
_KEYS = {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}
# Of a dtype's state, as numpy writes it.
_VERSIONS, _LENGTHS = (3, 4), (8, 9)
_HAS_OBJECTS = 0x01


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
    if not isinstance(state, dict) or not set(state) <= _KEYS:
        raise ValueError("an array has a description that joblib does not write")
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
        ValueError: The type is not understood, or its state says other than its code.
    """
    made: Made = dtype
    arguments = getattr(made, "arguments", None)
    if str(getattr(made, "maker", "")) != "numpy.dtype" or not isinstance(arguments, tuple):
        raise ValueError("an array's type is not a numpy.dtype")
    code = arguments[0] if arguments else None
    code = code if isinstance(code, str) else ""
    found = _CODE.fullmatch(code)
    if not found:
        raise ValueError(f"the array type '{code}' is not known")
    kind, number = found.group(1), int(found.group(2) or 0)
    size = number * _UNICODE_BYTES if kind == "U" else number
    objects = kind == "O"
    if made.state is not None or kind == "V":
        objects = _check_state(made.state, kind, size)
    return None if objects else size


def _check_state(state: Any, kind: str, size: int) -> bool:
    """Check a type's state: numpy believes it, and would read on elsewhere than is seen here.

    Returns:
        Whether there are Python objects inside.
    """
    if not isinstance(state, tuple) or len(state) not in _LENGTHS or state[0] not in _VERSIONS:
        raise ValueError("an array's type has no description")
    _, _, base, _, fields, told, _, flags = state[:8]
    inner = [base] if base is not None else []
    inner += fields.values() if isinstance(fields, dict) else []
    objects = kind == "O"
    for each in inner:
        part = each[0] if isinstance(each, tuple) and each else None
        objects = item_size(part) is None or objects
    agrees = told == size or (kind not in "SUV" and told == -1)
    if inner and kind != "V":
        agrees = False
    if not agrees or type(flags) is not int or bool(flags & _HAS_OBJECTS) != objects:
        raise ValueError("an array's type is described in two ways")
    return objects
