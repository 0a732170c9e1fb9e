"""What users chose to trust although the allow-list does not: kept with the workspace."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlmagic.files import read_record, write_record
from mlmagic.registry.faults import storage_faults

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One content that somebody trusts.

    Attributes:
        sha256: The content's digest: the decision holds for these bytes only.
        names: The globals or types outside the allow-list.
        model: Name of the model it was made for.
        who: Login name.
        when: Time of the decision.
        reason: In the user's words.
    """

    sha256: str
    names: tuple[str, ...]
    model: str
    who: str
    when: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class _TrustFile:
    decisions: tuple[Decision, ...] = ()


class TrustRecord:
    """The file ``trust.json`` of a workspace.

    Args:
        path: The file; made with the first decision.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def decisions(self) -> tuple[Decision, ...]:
        """Return what is trusted, oldest first."""
        try:
            return read_record(self.path, _TrustFile).decisions
        except FileNotFoundError:
            return ()

    def covers(self, sha256: str, names: Collection[str]) -> bool:
        """Say whether an earlier decision trusts this content with these names."""
        return any(
            decision.sha256 == sha256 and set(names) <= set(decision.names)
            for decision in self.decisions()
        )

    def remember(self, sha256: str, names: Collection[str], *, model: str, reason: str) -> None:
        """Add a decision of the present user."""
        from filelock import FileLock

        decision = Decision(
            sha256=sha256,
            names=tuple(sorted(names)),
            model=model,
            who=_user(),
            when=datetime.now(UTC),
            reason=reason,
        )
        with storage_faults(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), timeout=30):
                known = self.decisions()
                write_record(self.path, _TrustFile(decisions=(*known, decision)), mode=0o600)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
