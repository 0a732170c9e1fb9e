"""Keeping the local copies of a shared store within bounds."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mlmagic.registry.faults import storage_faults

if TYPE_CHECKING:
    from mlmagic.registry.content import ContentStore

# A copy in use: between a fetch and its placing nobody may take it away.
_BUSY_SECONDS = 600.0


def trim(content: ContentStore, limit: int) -> list[str]:
    """Take the copies used longest ago away until the rest fits.

    Only copies of what the shared store has go, and none that was used in the last ten minutes.

    Returns:
        The digests that went.
    """
    copies = []
    for mark in (content.root / "shared").glob("??/*"):
        with suppress(FileNotFoundError), storage_faults(mark):
            found = content.path(mark.name).stat()
            copies.append((found.st_mtime, found.st_size, mark.name))
    total = sum(size for _, size, _ in copies)
    gone = []
    for _, size, digest in sorted(copies):
        if total <= limit:
            break
        if content.discard(digest, grace_seconds=_BUSY_SECONDS):
            total -= size
            gone.append(digest)
    return gone
