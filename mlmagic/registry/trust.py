"""What users chose to trust although the allow-list does not: kept with the workspace."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlmagic.errors import UnsafeModelError
from mlmagic.files import read_record, write_record
from mlmagic.registry.faults import storage_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from mlmagic.entities import Model, PlacedModel


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
        revoked_at: When it was taken back; None while it holds.
        revoked_by: Who did.
    """

    sha256: str
    names: tuple[str, ...]
    model: str
    who: str
    when: datetime
    reason: str
    revoked_at: datetime | None = None
    revoked_by: str = ""


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
            decision.sha256 == sha256
            and decision.revoked_at is None
            and set(names) <= set(decision.names)
            for decision in self.decisions()
        )

    def remember(self, sha256: str, names: Collection[str], *, model: str, reason: str) -> None:
        """Add a decision of the present user."""
        from mlmagic.registry.drafts import current_user

        decision = Decision(
            sha256=sha256,
            names=tuple(sorted(names)),
            model=model,
            who=current_user(),
            when=datetime.now(UTC),
            reason=reason,
        )
        with self._changing() as known:
            known.append(decision)

    def revoke(self, chosen: Callable[[Decision], bool]) -> list[Decision]:
        """Take decisions back; they stay in the record.

        Args:
            chosen: Says which.

        Returns:
            Those that held until now.
        """
        from mlmagic.registry.drafts import current_user

        done = []
        with self._changing() as known:
            for place, decision in enumerate(known):
                if decision.revoked_at is None and chosen(decision):
                    known[place] = replace(
                        decision, revoked_at=datetime.now(UTC), revoked_by=current_user()
                    )
                    done.append(known[place])
        return done

    def check(self, model: Model | PlacedModel) -> None:
        """Refuse a model whose trust was taken back.

        Raises:
            UnsafeModelError: Names who trusted what, and who took it back.
        """
        decisions = self.decisions()
        for file in model.files:
            mine = [each for each in decisions if each.sha256 == file.sha256]
            if mine and all(each.revoked_at is not None for each in mine):
                last = mine[-1]
                raise UnsafeModelError(
                    f"The file '{file.path}' of '{model.name}:{model.version}' holds"
                    f" '{last.names[0]}', and '{last.revoked_by}' took the trust in it back.",
                    hint="Register a safe format, or register it with trust again.",
                )

    @contextmanager
    def _changing(self) -> Iterator[list[Decision]]:
        from filelock import FileLock

        with storage_faults(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), timeout=30):
                known = list(self.decisions())
                yield known
                write_record(self.path, _TrustFile(decisions=tuple(known)), mode=0o600)
