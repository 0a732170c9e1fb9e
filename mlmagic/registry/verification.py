"""Looking the store over, and repairing what can be."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.errors import ModelIntegrityError
from mlmagic.registry.faults import storage_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from mlmagic.entities import ContentFile, Model
    from mlmagic.registry.content import ContentStore

# Younger leftovers may belong to a registration that is under way in another process.
_GRACE_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What was found.

    Attributes:
        models: How many versions were checked.
        contents: How many contents were checked.
        missing: Model id or other user, to the files whose content is not there.
        damaged: Likewise, to the files whose content does not match its digest.
        orphans: Digests of contents that nobody uses.
        temporaries: Files left half written.
        repaired: What was done, in words.
    """

    models: int
    contents: int
    missing: dict[str, tuple[str, ...]]
    damaged: dict[str, tuple[str, ...]]
    orphans: tuple[str, ...]
    temporaries: tuple[str, ...]
    repaired: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything can be placed."""
        return not (self.missing or self.damaged)


def verify(
    models: Iterable[Model],
    content: ContentStore,
    *,
    repair: bool = False,
    others: Mapping[str, Collection[ContentFile]] | None = None,
) -> VerifyReport:
    """Check all contents; see ``Registry.verify``."""
    state: dict[str, str] = {}
    missing: dict[str, tuple[str, ...]] = {}
    damaged: dict[str, tuple[str, ...]] = {}
    owned = [(model.id, _contents(model)) for model in models]
    for owner, files in [*owned, *(others or {}).items()]:
        for file in files:
            found = state.setdefault(file.sha256, "") or _state(file, content)
            state[file.sha256] = found
            for kind, where in (("missing", missing), ("damaged", damaged)):
                if found == kind:
                    where[owner] = (*where.get(owner, ()), file.path)
    orphans = tuple(digest for digest in content.digests() if digest not in state)
    temporaries = content.temporaries()
    repaired = []
    if repair:
        broken = [digest for digest, found in state.items() if found == "damaged"]
        with storage_faults(content.root):
            repaired = [
                *_set_aside(content, broken),
                *(() if others is None else _remove_unused(content, orphans)),
                *_remove_temporaries(temporaries),
            ]
    return VerifyReport(
        models=len(owned),
        contents=len(state),
        missing=missing,
        damaged=damaged,
        orphans=orphans,
        temporaries=tuple(path.name for path in temporaries),
        repaired=tuple(repaired),
    )


def _contents(model: Model) -> tuple[ContentFile, ...]:
    return (*model.files, model.sample.content) if model.sample else model.files


def _state(file: ContentFile, content: ContentStore) -> str:
    if not content.path(file.sha256).exists():
        return "missing"
    try:
        content.check(file)
    except ModelIntegrityError:
        return "damaged"
    return "whole"


def _set_aside(content: ContentStore, digests: Iterable[str]) -> list[str]:
    """Take damaged bytes out of the way: the same content can then be registered again."""
    done = []
    for digest in digests:
        aside = content.root / "damaged" / digest
        aside.parent.mkdir(parents=True, exist_ok=True)
        content.path(digest).replace(aside)
        done.append(f"set the damaged content sha256:{digest[:12]} aside, as '{aside}'")
    return done


def _remove_unused(content: ContentStore, orphans: Iterable[str]) -> list[str]:
    done = []
    for digest in orphans:
        path = content.path(digest)
        if _is_old(path):
            path.unlink()
            done.append(f"removed the unused content sha256:{digest[:12]}")
    return done


def _remove_temporaries(paths: Iterable[Path]) -> list[str]:
    done = []
    for path in paths:
        if _is_old(path):
            path.unlink(missing_ok=True)
            done.append(f"removed the half-written '{path.name}'")
    return done


def _is_old(path: Path) -> bool:
    return path.exists() and time.time() - path.stat().st_mtime > _GRACE_SECONDS
