"""The record of a run: what is known of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.coverage import differs
from mlmagic.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "run.json"


class RunRecord:
    """Facts and labels, in a file of the run's folder."""

    id: str
    folder: Path

    @property
    def name(self) -> str:
        """The id."""
        return self.id

    @property
    def display_name(self) -> str:
        """The id, or the name it was given."""
        return self._read().get("displayName") or self.id

    @display_name.setter
    def display_name(self, value: str) -> None:
        self._change(displayName=value)

    @property
    def description(self) -> str | None:
        """What it is, in words."""
        return self._read().get("description")

    @description.setter
    def description(self, value: str) -> None:
        self._change(description=value)

    @property
    def type(self) -> str | None:
        """v1's word for what started it."""
        return self._read().get("type")

    @property
    def tags(self) -> dict[str, str]:
        """Labels that can change."""
        return dict(self._read()["tags"])

    @property
    def properties(self) -> dict[str, str]:
        """Facts that cannot."""
        return dict(self._read()["properties"])

    def get_tags(self) -> dict[str, str]:
        """Return the tags."""
        return self.tags

    def get_properties(self) -> dict[str, str]:
        """Return the properties."""
        return self.properties

    def tag(self, key: str, value: str | None = None) -> None:
        """Set a tag."""
        self._change(tags={**self.tags, key: value})

    def set_tags(self, tags: dict[str, str]) -> None:
        """Set several tags."""
        self._change(tags={**self.tags, **tags})

    def remove_tags(self, tags: list[str] | str) -> None:
        """Take tags away."""
        tags = [tags] if isinstance(tags, str) else tags
        self._change(tags={key: v for key, v in self.tags.items() if key not in tags})

    @differs("One that is there is replaced, where v1's cloud refused")
    def add_properties(self, properties: dict[str, str]) -> None:
        """Add facts."""
        self._change(properties={**self.properties, **properties})

    def _read(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder / RECORD).read_text("utf-8"))
        return record

    def _change(self, **facts: Any) -> None:
        write_atomically(self.folder / RECORD, json.dumps({**self._read(), **facts}, indent=2))
