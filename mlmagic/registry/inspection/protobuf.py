"""Messages of Protocol Buffers, field by field: what is not looked for is skipped, not held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
_MORE = 0x80
_LONGEST_VARINT = 10
_SIGN, _WRAP = 1 << 63, 1 << 64


@dataclass(frozen=True, slots=True)
class Field:
    """One field; the stream stands at its content.

    Attributes:
        number: Its number in the message.
        value: Of a number its value, else 0.
        end: Byte of the stream where it ends.
        is_long: Whether it is a text, bytes or a message.
    """

    number: int
    value: int
    end: int
    is_long: bool

    @property
    def signed(self) -> int:
        """The value of an ``int64``."""
        return self.value - _WRAP if self.value >= _SIGN else self.value


def fields(stream: IO[bytes], end: int) -> Iterator[Field]:
    """Walk over one message, up to a byte of the stream.

    Raises:
        ValueError: It cannot be read to its end, or a field claims more than there is.
    """
    while stream.tell() < end:
        tag = _varint(stream)
        kind, value, length = tag & 7, 0, 0
        if kind == _VARINT:
            value = _varint(stream)
        elif kind == _BYTES:
            length = _varint(stream)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        after = stream.tell() + length
        if after > end:
            raise ValueError(f"a field claims {length} bytes, and {end - stream.tell()} follow")
        yield Field(tag >> 3, value, after, kind == _BYTES)
        stream.seek(after)


def _varint(stream: IO[bytes]) -> int:
    value = 0
    for at in range(_LONGEST_VARINT):
        byte = stream.read(1)
        if not byte:
            raise ValueError("it ends inside a number")
        value |= (byte[0] & ~_MORE) << (7 * at)
        if not byte[0] & _MORE:
            return value
    raise ValueError("a number of more than ten bytes")
