"""How images and packages look."""

from __future__ import annotations

from typing import Any

from mlmagic.presentation.blocks import Block, Facts, Lines, ListViews, Table, Views
from mlmagic.presentation.measures import plural, size


def package(made: Any) -> list[Block]:
    """Where a package is, and how to start it."""
    facts = [
        (made.form, made.location),
        ("image id", made.image_id),
        ("digest", made.digest),
        ("base", made.base),
        ("models", made.models),
        ("our size", size(made.size)),
        ("run", "\n".join(made.run)),
    ]
    return [Facts(tuple(facts))]


def image(entry: Any) -> list[Block]:
    """One image."""
    return images([entry])


def images(entries: list[Any]) -> list[Block]:
    """A table of images, with what uses them."""
    rows = [
        (entry.name, entry.role, size(entry.size), entry.service, entry.used_by)
        for entry in entries
    ]
    columns = ("image", "role", "size", "service", "containers")
    return [Table(columns, rows, empty="There are no images of mlmagic, and no layers.")]


def pruned(report: Any) -> list[Block]:
    """What was removed, or would be."""
    verb = "would be removed" if report.dry_run else "removed"
    removed = plural(len(report.removed), "item")
    return [Lines((f"{removed} {verb} ({size(report.freed)}) · {len(report.kept)} kept",))]


IMAGE_VIEWS: Views = {"ImageEntry": image, "ImagePruneReport": pruned, "Package": package}
IMAGE_LISTS: ListViews = {"ImageEntry": images}
