"""Objects with known names: dataclasses and typed dictionaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.kinds.kind import Kind, MismatchError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Member:
    """One name of an object."""

    kind: Kind
    is_required: bool


class Record(Kind):
    """A JSON object; names that the type does not know are ignored, as v1 ignores them.

    Args:
        title: The type's name.
        make: Makes the value of the names that came.
    """

    def __init__(self, title: str, make: Callable[..., Any]) -> None:
        self._title = title
        self._make = make
        self._telling = False
        self.members: dict[str, Member] = {}  # filled in later: a type may hold itself

    def read(self, value: Any) -> Any:
        """Convert each member, and make the value."""
        if not isinstance(value, dict):
            raise MismatchError(f"an object ({self._title})", value)
        found: dict[str, Any] = {}
        for name, member in self.members.items():
            if name in value:
                try:
                    found[name] = member.kind.read(value[name])
                except MismatchError as error:
                    raise error.below(f".{name}") from None
            elif member.is_required:
                raise MismatchError(f"a value for '{name}' ({self._title})", value)
        try:
            return self._make(**found)
        except (TypeError, ValueError) as error:  # such as checks in __post_init__
            raise MismatchError(f"a {self._title} ({error})", value) from error

    def schema(self) -> dict[str, Any]:
        """Tell the members; inside of itself, a type is only an object."""
        if self._telling:
            return {"type": "object"}
        self._telling = True
        try:
            properties = {name: each.kind.schema() for name, each in self.members.items()}
        finally:
            self._telling = False
        required = [name for name, each in self.members.items() if each.is_required]
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        return schema | ({"required": required} if required else {})
