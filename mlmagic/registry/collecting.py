"""Removing what nobody uses, while others work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mlmagic.files import digest_text
from mlmagic.registry.content import is_old
from mlmagic.registry.faults import storage_faults
from mlmagic.registry.remote import DAMAGED, STORED

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlmagic.entities import ContentFile
    from mlmagic.registry.registry import Registry


@dataclass(frozen=True, kw_only=True)
class GarbageReport:
    """What went, or would go.

    Attributes:
        contents: Digests of the workspace's own store that nobody uses.
        shared: Likewise, of the shared store.
        temporaries: Files left half written.
        damaged: Digests of what was found damaged and set aside, here or in the shared store.
        size: Bytes of all of them.
        removed: Whether they went; False for a dry run.
    """

    contents: tuple[str, ...]
    shared: tuple[str, ...]
    temporaries: tuple[str, ...]
    damaged: tuple[str, ...]
    size: int
    removed: bool


def collect_garbage(
    registry: Registry,
    *,
    others: Collection[ContentFile] | None,
    grace_seconds: float,
    dry_run: bool,
) -> GarbageReport:
    """See ``Registry.collect_garbage``."""
    content = registry.content
    with storage_faults(content.root):
        unused = set() if others is None else _unused(registry, others)
        sizes = {
            digest: content.path(digest).stat().st_size
            for digest in sorted(unused)
            if is_old(content.path(digest), grace_seconds)
        }
        gone = list(sizes) if dry_run else content.discard_all(sizes, grace_seconds=grace_seconds)
        size = sum(sizes[digest] for digest in gone)
        temporaries = [path for path in content.temporaries() if is_old(path, grace_seconds)]
        aside = [path for path in content.set_aside() if is_old(path, grace_seconds)]
        for path in temporaries + aside:
            size += path.stat().st_size
            if not dry_run:
                path.unlink(missing_ok=True)
    shared = _collect_shared(registry, grace_seconds, dry_run=dry_run)
    return GarbageReport(
        contents=tuple(gone),
        shared=tuple(shared[STORED]),
        temporaries=tuple(path.name for path in temporaries),
        damaged=tuple(sorted({path.name for path in aside} | shared[DAMAGED].keys())),
        size=size + sum(sum(sizes.values()) for sizes in shared.values()),
        removed=not dry_run,
    )


def _unused(registry: Registry, others: Collection[ContentFile]) -> set[str]:
    """Say which contents here neither a model nor a service uses."""
    content = registry.content
    used = {file.sha256 for file in others}
    if content.remote is None:
        used |= registry.catalogue.digests()
    return {
        digest
        for digest in content.digests()
        if digest not in used and not content.is_cached(digest)
    }


def _collect_shared(
    registry: Registry, grace_seconds: float, *, dry_run: bool
) -> dict[str, dict[str, int]]:
    """Collect the shared store, folder by folder; return the digests that went, and their sizes."""
    gone: dict[str, dict[str, int]] = {STORED: {}, DAMAGED: {}}
    remote, catalogue = registry.content.remote, registry.catalogue
    if remote is None:
        return gone
    for folder, went in gone.items():
        sizes = remote.sizes(folder)
        # What lies aside is claimed under a key of its own: its grace time begins at first sight.
        keys = {d if folder == STORED else digest_text(folder, d): d for d in sizes}
        unclaimed = catalogue.unclaimed(keys, grace_seconds=grace_seconds) if keys else []
        for key in unclaimed:
            digest = keys[key]
            if dry_run or catalogue.collect(
                key, partial(remote.remove, digest, folder), grace_seconds=grace_seconds
            ):
                went[digest] = sizes[digest]
    return gone
