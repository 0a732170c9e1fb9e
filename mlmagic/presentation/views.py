"""Which shape each kind of result takes.

Results are recognised by the names of their classes, so that showing a list of models loads
nothing of services.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from mlmagic.presentation.blocks import Block, Facts, Lines, ListViews, Table, Views
from mlmagic.presentation.data import to_data
from mlmagic.presentation.images import IMAGE_LISTS, IMAGE_VIEWS
from mlmagic.presentation.importing import IMPORT_VIEWS
from mlmagic.presentation.measures import clock
from mlmagic.presentation.models import MODEL_LISTS, MODEL_VIEWS
from mlmagic.presentation.scripts import SCRIPT_VIEWS
from mlmagic.presentation.services import SERVICE_LISTS, SERVICE_VIEWS
from mlmagic.presentation.surroundings import SURROUNDING_LISTS, SURROUNDING_VIEWS

if TYPE_CHECKING:
    from datetime import datetime

VIEWS: Views = {
    **IMAGE_VIEWS,
    **IMPORT_VIEWS,
    **MODEL_VIEWS,
    **SCRIPT_VIEWS,
    **SERVICE_VIEWS,
    **SURROUNDING_VIEWS,
}
LISTS: ListViews = {
    **IMAGE_LISTS,
    **MODEL_LISTS,
    **SERVICE_LISTS,
    **SURROUNDING_LISTS,
}

# Where the classes live that notebooks show by these views; services have panels of their own.
HOMES = (
    ("mlmagic.azureml.importing.report", "ImportReport"),
    ("mlmagic.configurations.configurations", "KeptConfiguration"),
    ("mlmagic.configurations.converting", "Conversion"),
    ("mlmagic.entities.compute", "ComputeTarget"),
    ("mlmagic.entities.environment", "Environment"),
    ("mlmagic.entities.model", "Model"),
    ("mlmagic.entities.model", "Registration"),
    ("mlmagic.entities.report", "DoctorReport"),
    ("mlmagic.entities.report", "ScriptReport"),
    ("mlmagic.environments.environments", "EnvironmentEntry"),
    ("mlmagic.environments.use", "PruneReport"),
    ("mlmagic.images.housekeeping", "ImageEntry"),
    ("mlmagic.images.housekeeping", "ImagePruneReport"),
    ("mlmagic.images.packaging", "Package"),
    ("mlmagic.services.plan", "Plan"),
    ("mlmagic.registry.verification", "VerifyReport"),
    ("mlmagic.runs.result", "RunResult"),
)


@dataclass(frozen=True)
class Shown:
    """A result in its three forms."""

    blocks: tuple[Block, ...]
    value: Any

    @property
    def text(self) -> str:
        """For terminals and logs."""
        return "\n".join(block.text() for block in self.blocks)

    @property
    def html(self) -> str:
        """For notebooks; everything in it is escaped."""
        # In line with the plain text that a notebook shows.
        return (
            '<div style="margin-left:5px">'
            + "".join(block.html() for block in self.blocks)
            + "</div>"
        )

    def as_of(self, moment: datetime) -> Shown:
        """Return it with the time when it was so, for where it is read later."""
        told = Lines((f"as of {clock(moment.isoformat())}",))
        return dataclasses.replace(self, blocks=(*self.blocks, told))

    @property
    def data(self) -> Any:
        """For programs."""
        return to_data(self.value)


def present(value: Any, *, kind: str = "") -> Shown:
    """Show a result.

    Args:
        value: What a method of the workspace returned.
        kind: What a list holds, such as ``Model``, for lists that may be empty, or the name of
            another view.
    """
    return Shown(tuple(_blocks(value, kind)), value)


def _blocks(value: Any, kind: str) -> list[Block]:
    if isinstance(value, (list, tuple)):
        name = kind or (type(value[0]).__name__ if value else "")
        if name in LISTS:
            return LISTS[name](list(value))
        if value and all(isinstance(item, dict) for item in value):
            return [_table_of_dicts(list(value))]
    name = kind if kind in VIEWS else type(value).__name__
    return VIEWS[name](value) if name in VIEWS else [_plain_block(value)]


def _plain_block(value: Any) -> Block:
    """What has no view of its own: fields, text, or else JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return Facts(tuple((_words(key), item) for key, item in vars(value).items()))
    if isinstance(value, (str, PurePath)):
        return Lines(tuple(f"{value}".splitlines()))
    return Lines((json.dumps(to_data(value), ensure_ascii=False),))


def _table_of_dicts(items: list[dict[str, Any]]) -> Table:
    columns = tuple(items[0])
    return Table(columns, [[item.get(column) for column in columns] for item in items])


def _words(name: str) -> str:
    """``cacheDirectory`` and ``created_at`` become words."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.replace("_", " ").strip()
