"""Lists, tuples, sets, objects and unions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.scoring.kinds.kind import Kind, MismatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Items(Kind):
    """A JSON array of one kind of items.

    Args:
        item: Their kind.
        make: Converts the list, to a tuple for instance.
    """

    def __init__(self, item: Kind, make: Callable[[list[Any]], Any] | None = None) -> None:
        self._item = item
        self._make = make

    def read(self, value: Any) -> Any:
        """Convert each item; only where one does not fit, its place is looked for."""
        if not isinstance(value, list):
            raise MismatchError("an array", value)
        read = self._item.read
        try:
            items = [read(item) for item in value]
        except MismatchError:
            items = _each(value, [self._item] * len(value))
        if self._make is None:
            return items
        try:
            return self._make(items)
        except TypeError as error:  # a set of what cannot be in one
            raise MismatchError("an array of values that can be compared", value) from error

    def schema(self) -> dict[str, Any]:
        """Tell the items."""
        return {"type": "array", "items": self._item.schema()}


class Row(Kind):
    """A JSON array of a fixed length: a tuple, or a NamedTuple.

    Args:
        items: The kind of each item.
        make: Makes the tuple.
    """

    def __init__(self, items: Sequence[Kind], make: Callable[[list[Any]], Any] = tuple) -> None:
        self._items = list(items)
        self._make = make

    def read(self, value: Any) -> Any:
        """Convert each item by its own kind."""
        if isinstance(value, list) and len(value) != len(self._items):
            raise MismatchError(f"an array of {len(self._items)} items", value)
        return self._make(_each(value, self._items))

    def schema(self) -> dict[str, Any]:
        """Tell the items."""
        return {
            "type": "array",
            "prefixItems": [item.schema() for item in self._items],
            "minItems": len(self._items),
            "maxItems": len(self._items),
        }


class Mapping(Kind):
    """A JSON object with any names.

    Args:
        key: What names become.
        value: The kind of all values.
    """

    def __init__(self, key: Kind, value: Kind) -> None:
        self._key = key
        self._value = value

    def read(self, value: Any) -> Any:
        """Convert names and values."""
        if not isinstance(value, dict):
            raise MismatchError("an object", value)
        found = {}
        for name, each in value.items():
            try:
                found[self._key.read(name)] = self._value.read(each)
            except MismatchError as error:
                raise error.below(f".{name}") from None
        return found

    def schema(self) -> dict[str, Any]:
        """Tell the values."""
        return {"type": "object", "additionalProperties": self._value.schema()}


class Union(Kind):
    """The first of several kinds that fits.

    Args:
        choices: Tried in this order.
    """

    def __init__(self, choices: Sequence[Kind]) -> None:
        self._choices = list(choices)

    def read(self, value: Any) -> Any:
        """Convert by the first that fits."""
        mismatches = []
        for choice in self._choices:
            try:
                return choice.read(value)
            except MismatchError as error:
                mismatches.append(error)
        deepest = max(mismatches, key=lambda error: len(error.place))
        if deepest.place:
            raise deepest
        raise MismatchError(" or ".join(each.expected for each in mismatches), value)

    def schema(self) -> dict[str, Any]:
        """Tell all of them."""
        return {"anyOf": [choice.schema() for choice in self._choices]}


def _each(value: Any, kinds: Sequence[Kind]) -> list[Any]:
    if not isinstance(value, list):
        raise MismatchError("an array", value)
    found = []
    for index, (kind, item) in enumerate(zip(kinds, value, strict=True)):
        try:
            found.append(kind.read(item))
        except MismatchError as error:
            raise error.below(f"[{index}]") from None
    return found
