"""What every kind of value can do."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

_LONGEST_SHOWN = 60


class MismatchError(ValueError):
    """A value does not fit its annotation.

    Args:
        expected: In words, such as "an integer".
        value: What came instead.
        place: Where it lies, from the inside out.
    """

    def __init__(self, expected: str, value: Any, place: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.expected = expected
        self.value = value
        self.place = place

    def below(self, step: str) -> MismatchError:
        """Return the same mismatch, seen from one level up."""
        return MismatchError(self.expected, self.value, (step, *self.place))

    def __str__(self) -> str:
        return f"{''.join(self.place)}: expected {self.expected}, but got {shown(self.value)}"


class Kind(ABC):
    """Converts JSON values to one annotated type."""

    @abstractmethod
    def read(self, value: Any) -> Any:
        """Return the value as the annotation has it.

        Raises:
            MismatchError: It does not fit.
        """

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema, as OpenAPI 3.1 has it."""


class Anything(Kind):
    """Takes what JSON gives."""

    def read(self, value: Any) -> Any:
        """Return it."""
        return value

    def schema(self) -> dict[str, Any]:
        """Say nothing of it."""
        return {}


def shown(value: Any) -> str:
    """Return a value as JSON, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
