"""The compute targets of a workspace by name; each is made when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.errors import TargetNotFoundError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlmagic.targets.base import Target


@dataclass(frozen=True)
class TargetEntry:
    """A compute target that there is, before anything of it is imported.

    Attributes:
        name: What users call it.
        compute_type: Its kind.
        make: Makes it.
    """

    name: str
    compute_type: str
    make: Callable[[], Target]


class Targets(Mapping[str, "Target"]):
    """Compute targets by name.

    Args:
        entries: What there is.
    """

    def __init__(self, entries: Iterable[TargetEntry]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._made: dict[str, Target] = {}

    def compute_type(self, name: str) -> str:
        """Return the kind of a target, without making it.

        Raises:
            TargetNotFoundError: There is none of this name; the message names the nearest.
        """
        return self._entry(name).compute_type

    def __getitem__(self, name: str) -> Target:
        if name not in self._made:
            self._made[name] = self._entry(name).make()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def _entry(self, name: str) -> TargetEntry:
        if name not in self._entries:
            raise TargetNotFoundError(
                f"There is no compute target '{name}'.", hint=did_you_mean(name, self._entries)
            )
        return self._entries[name]
