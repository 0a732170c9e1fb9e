"""Locking again where that is seldom needed: what locks takes longer to import than an edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.entities import Lock


@dataclass(frozen=True)
class Relocking:
    """The part of `Environments` that images need; the rest is imported once it is used.

    Attributes:
        directory: ``ROOT/.mlmagic/environments``.
        cache: The user's cache.
        workspace: ROOT.
    """

    directory: Path
    cache: Path
    workspace: Path

    def relock(
        self,
        lock: Lock,
        *,
        platform: str,
        python_version: str | None = None,
        on_event: Callable[[str], None],
    ) -> Lock:
        """See `Environments.relock`."""
        from mlmagic.environments.environments import Environments

        return Environments(self.directory, self.cache, self.workspace).relock(
            lock, platform=platform, python_version=python_version, on_event=on_event
        )
