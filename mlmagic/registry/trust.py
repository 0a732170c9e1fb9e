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
    from collections.abc import Callable, Collection, Iterator, Mapping
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

    def lacking(self, names: Mapping[str, Collection[str]]) -> list[str]:
        """Say which contents no decision trusts.

        Args:
            names: What is outside the allow-list, by the content's digest.
        """
        trusted = [
            (each.sha256, set(each.names)) for each in self.decisions() if not each.revoked_at
        ]
        covered = {
            sha256 for sha256, known in trusted if sha256 in names and set(names[sha256]) <= known
        }
        return [sha256 for sha256 in names if sha256 not in covered]

    def remember(self, names: Mapping[str, Collection[str]], *, model: str, reason: str) -> None:
        """Add decisions of the present user; ``names`` as for ``lacking``."""
        from mlmagic.registry.drafts import current_user

        if not names:
            return
        who, when = current_user(), datetime.now(UTC)
        with self._changing() as known:
            known += [
                Decision(
                    sha256=sha256,
                    names=tuple(sorted(found)),
                    model=model,
                    who=who,
                    when=when,
                    reason=reason,
                )
                for sha256, found in names.items()
            ]

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
        decisions: dict[str, list[Decision]] = {}
        for each in self.decisions():
            decisions.setdefault(each.sha256, []).append(each)
        for file in model.files:
            mine = decisions.get(file.sha256, [])
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
