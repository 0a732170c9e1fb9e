"""What nbval does not compare: forms of an output that say the same as its text does."""

from __future__ import annotations

from typing import Any

_SAID_IN_TEXT = ("text/html", "application/vnd.mlmagic.service+json")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Extend what nbval leaves out."""
    for file in {item.parent for item in items if hasattr(item.parent, "skip_compare")}:
        file.skip_compare += _SAID_IN_TEXT
