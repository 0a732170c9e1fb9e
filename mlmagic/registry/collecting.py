"""Removing what nobody uses, while others work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.registry.content import is_old
from mlmagic.registry.faults import storage_faults

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
        size: Bytes of all of them.
        removed: Whether they went; False for a dry run.
    """

    contents: tuple[str, ...]
    shared: tuple[str, ...]
    temporaries: tuple[str, ...]
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
    size = 0
    with storage_faults(content.root):
        kept = set() if others is None else _unused(registry, others)
        gone = []
        for digest in sorted(kept):
            path = content.path(digest)
            if is_old(path, grace_seconds):
                bytes_of = path.stat().st_size
                if dry_run or content.discard(digest, grace_seconds=grace_seconds):
                    gone.append(digest)
                    size += bytes_of
        temporaries = [path for path in content.temporaries() if is_old(path, grace_seconds)]
        for path in temporaries:
            size += path.stat().st_size
            if not dry_run:
                path.unlink(missing_ok=True)
    shared, shared_size = _collect_shared(registry, grace_seconds, dry_run=dry_run)
    return GarbageReport(
        contents=tuple(gone),
        shared=tuple(shared),
        temporaries=tuple(path.name for path in temporaries),
        size=size + shared_size,
        removed=not dry_run,
    )


def _unused(registry: Registry, others: Collection[ContentFile]) -> set[str]:
    """Say which contents here neither a model nor a service uses."""
    content = registry.content
    used = {file.sha256 for file in others}
    if content.remote is None:
        used |= {file.sha256 for model in registry.catalogue.all() for file in model.contents}
    return {
        digest
        for digest in content.digests()
        if digest not in used and not content.is_cached(digest)
    }


def _collect_shared(
    registry: Registry, grace_seconds: float, *, dry_run: bool
) -> tuple[list[str], int]:
    remote = registry.content.remote
    if remote is None:
        return [], 0
    sizes = remote.sizes()
    catalogue = registry.catalogue

    def goes(digest: str) -> bool:
        return dry_run or catalogue.collect(
            digest, lambda: remote.remove(digest), grace_seconds=grace_seconds
        )

    unclaimed = catalogue.unclaimed(list(sizes), grace_seconds=grace_seconds)
    gone = [digest for digest in unclaimed if goes(digest)]
    return gone, sum(sizes[digest] for digest in gone)
