"""Numbers, texts, times and choices."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import uuid
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.kinds.kind import Kind, MismatchError

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable, Sequence


class Scalar(Kind):
    """A JSON scalar.

    Args:
        name: JSON Schema's name of the type.
        types: What JSON may give; a bool is a number only where this names it.
        words: The type in words.
        make: Converts it.
    """

    def __init__(
        self,
        name: str,
        types: tuple[type, ...],
        words: str,
        make: Callable[[Any], Any] | None = None,
        **told: Any,
    ) -> None:
        self._types = types
        self._words = words
        self._make = make
        self._schema = {"type": name, **told}

    def read(self, value: Any) -> Any:
        """Convert it."""
        fits = isinstance(value, self._types) and (type(value) is not bool or bool in self._types)
        if not fits:
            raise MismatchError(self._words, value)
        if self._make is None:
            return value
        try:
            return self._make(value)
        except (ValueError, ArithmeticError) as error:
            raise MismatchError(self._words, value) from error

    def schema(self) -> dict[str, Any]:
        """Name the type."""
        return dict(self._schema)


def _integer(value: float) -> int:
    if value != int(value):
        raise ValueError(value)
    return int(value)


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(value) from error


def _text(words: str, make: Callable[[str], Any] | None, **told: Any) -> Scalar:
    return Scalar("string", (str,), words, make, **told)


SCALARS: dict[Any, Kind] = {
    bool: Scalar("boolean", (bool,), "true or false"),
    int: Scalar("integer", (int, float), "an integer", _integer, format="int64"),
    float: Scalar("number", (int, float), "a number", float, format="double"),
    complex: Scalar("number", (int, float), "a number", complex),
    decimal.Decimal: Scalar(
        "number", (int, float, str), "a number", lambda value: decimal.Decimal(str(value))
    ),
    str: _text("a text", None),
    bytes: _text("bytes in base64", _bytes, format="byte"),
    bytearray: _text("bytes in base64", lambda text: bytearray(_bytes(text)), format="byte"),
    dt.date: _text("a date (YYYY-MM-DD)", dt.date.fromisoformat, format="date"),
    dt.datetime: _text("a date and time (ISO 8601)", dt.datetime.fromisoformat, format="date-time"),
    dt.time: _text("a time (HH:MM:SS)", dt.time.fromisoformat, format="time"),
    uuid.UUID: _text("a UUID", uuid.UUID, format="uuid"),
    None: Scalar("null", (type(None),), "null"),
    type(None): Scalar("null", (type(None),), "null"),
}


class Choice(Kind):
    """One of some values: of a Literal or an Enum.

    Args:
        values: What JSON may give.
        make: Converts it.
    """

    def __init__(self, values: Sequence[Any], make: Callable[[Any], Any] | None = None) -> None:
        self._values = list(values)
        self._make = make

    def read(self, value: Any) -> Any:
        """Find it among the values; 1 is not true."""
        if any(value == each and type(value) is type(each) for each in self._values):
            return self._make(value) if self._make else value
        choices = ", ".join(repr(each) for each in self._values)
        raise MismatchError(f"one of {choices}", value)

    def schema(self) -> dict[str, Any]:
        """List the values."""
        return {"enum": self._values}


def enumeration(annotation: type[enum.Enum]) -> Choice:
    """Return the kind of an Enum: its values stand in JSON."""
    return Choice([member.value for member in annotation], annotation)
