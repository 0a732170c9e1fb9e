"""How scripts, environments, settings and the machine look."""

from __future__ import annotations

from typing import Any

from mlmagic.presentation.blocks import Block, ListViews, Table, Views


def settings(rows: list[dict[str, Any]]) -> list[Block]:
    """A table of settings with their origins."""
    cells = [(row["name"], row["value"], row["origin"], row["help"]) for row in rows]
    return [Table(("setting", "value", "origin", "meaning"), cells)]


def configurations(kept: list[Any]) -> list[Block]:
    """A table of the configurations kept by name."""
    rows = [(item.name, item.kind) for item in kept]
    return [Table(("name", "kind"), rows, empty="No configuration is kept yet.")]


SURROUNDING_VIEWS: Views = {}
SURROUNDING_LISTS: ListViews = {"settings": settings, "KeptConfiguration": configurations}
