"""Looking the store over, and repairing what can be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.registry.content import is_whole
from mlmagic.registry.faults import storage_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mlmagic.entities import ContentFile
    from mlmagic.registry.content import ContentStore
    from mlmagic.registry.registry import Registry


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
    registry: Registry,
    *,
    repair: bool = False,
    others: Mapping[str, Collection[ContentFile]] | None = None,
) -> VerifyReport:
    """Check all contents; see ``Registry.verify``.

    Contents of a shared store are checked by their sizes; their digests are checked when they are
    fetched, and when they are repaired. Those of the workspace's own store are read whole.
    """
    look = _Look(registry.content, deep=repair)
    models = 0
    for model in registry.catalogue.all():
        models += 1
        look.at(model.id, model.contents)
    for owner, files in (others or {}).items():
        look.at(owner, files, shared=False)
    content = registry.content
    orphans = tuple(
        digest
        for digest in content.digests()
        if digest not in look.state and not content.is_cached(digest)
    )
    temporaries = tuple(path.name for path in content.temporaries())
    repaired: list[str] = []
    if repair:
        repaired += _set_aside(content, look.broken)
        repaired += _upload_again(content, look.lacking)
        used = None if others is None else [file for files in others.values() for file in files]
        garbage = registry.collect_garbage(others=used)
        repaired += [f"removed the unused content sha256:{each[:12]}" for each in garbage.contents]
        repaired += [
            f"removed the unused content sha256:{each[:12]} from the shared store"
            for each in garbage.shared
        ]
        repaired += [f"removed the half-written '{each}'" for each in garbage.temporaries]
    return VerifyReport(
        models=models,
        contents=len(look.state),
        missing=look.missing,
        damaged=look.damaged,
        orphans=orphans,
        temporaries=temporaries,
        repaired=tuple(repaired),
    )


class _Look:
    """One walk over all who use contents."""

    def __init__(self, content: ContentStore, *, deep: bool) -> None:
        self.content = content
        self.deep = deep
        self.state: dict[str, str] = {}
        self.missing: dict[str, tuple[str, ...]] = {}
        self.damaged: dict[str, tuple[str, ...]] = {}
        self.lacking: dict[str, ContentFile] = {}
        self.broken: dict[str, ContentFile] = {}
        self._there = None if content.remote is None else content.remote.sizes()

    def at(self, owner: str, files: Iterable[ContentFile], *, shared: bool = True) -> None:
        """Check what one model, or another user, needs."""
        for file in files:
            found = self.state.get(file.sha256) or self._state(file, shared=shared)
            self.state[file.sha256] = found
            if found == "whole":
                continue
            where = getattr(self, found)
            where[owner] = (*where.get(owner, ()), file.path)
            (self.broken if found == "damaged" else self.lacking)[file.sha256] = file

    def _state(self, file: ContentFile, *, shared: bool) -> str:
        remote = self.content.remote
        if shared and remote is not None and self._there is not None:
            size = self._there.get(file.sha256)
            if size is None:
                return "missing"
            whole = size == file.size and (not self.deep or remote.is_whole(file))
            return "whole" if whole else "damaged"
        path = self.content.path(file.sha256)
        if not path.exists():
            there = self._there or {}
            return "whole" if there.get(file.sha256) == file.size else "missing"
        return "whole" if is_whole(path, file) else "damaged"


def _set_aside(content: ContentStore, broken: Mapping[str, ContentFile]) -> list[str]:
    """Take damaged bytes out of the way: the same content can then be registered again."""
    done = []
    for digest, file in broken.items():
        path = content.path(digest)
        with storage_faults(path):
            if path.exists() and not is_whole(path, file):
                aside = content.root / "damaged" / digest
                aside.parent.mkdir(parents=True, exist_ok=True)
                path.replace(aside)
                os.utime(aside)  # its grace time begins
                done.append(f"set the damaged content sha256:{digest[:12]} aside, as '{aside}'")
        if content.remote is not None:
            content.remote.remove(digest)
            done.append(f"removed the damaged content sha256:{digest[:12]} from the shared store")
            done += _upload_again(content, {digest: file})
    return done


def _upload_again(content: ContentStore, lacking: Mapping[str, ContentFile]) -> list[str]:
    """Give the shared store back what is still whole here."""
    if content.remote is None:
        return []
    done = []
    for digest, file in lacking.items():
        path = content.path(digest)
        if path.exists() and is_whole(path, file):
            content.remote.put(file, path)
            done.append(f"uploaded the content sha256:{digest[:12]} again, from this workspace")
    return done
