"""Who uses which environment of the cache, and removing what nobody uses."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

from mlmagic.environments.realisation import exclusive

if TYPE_CHECKING:
    from collections.abc import Collection

_USERS = "users"


@dataclass(frozen=True, kw_only=True)
class PruneReport:
    """What ``prune`` removed, or would remove.

    Attributes:
        removed: Identities of environments.
        kept: Identities of environments still in use.
        freed: Bytes of the files removed; less on disk where uv's cache shares them.
        dry_run: Whether nothing was done.
    """

    removed: tuple[str, ...]
    kept: tuple[str, ...]
    freed: int
    dry_run: bool


def mark_used(cache: Path, identity: str, workspace: Path) -> None:
    """Note that a workspace uses an environment; the note's time is the last use."""
    mark = _mark(cache, identity, workspace)
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(str(workspace), "utf-8")
    except OSError:  # a cache that others own can be used, not marked
        return


def users(cache: Path, identity: str) -> tuple[Path, ...]:
    """The workspaces that use an environment and still exist."""
    folder = _folder(cache, identity)
    try:
        roots = [Path(mark.read_text("utf-8")) for mark in folder.iterdir()]
    except OSError:
        return ()
    return tuple(sorted(root for root in roots if (root / ".mlmagic").is_dir()))


def last_used(cache: Path, identity: str) -> float | None:
    """When an environment was last asked for, in seconds since 1970."""
    try:
        return max(
            (mark.stat().st_mtime for mark in _folder(cache, identity).iterdir()), default=None
        )
    except OSError:
        return None


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - many files
            except FileNotFoundError:
                continue
    return total


def prune(cache: Path, workspace: Path, used: Collection[str], *, dry_run: bool) -> PruneReport:
    """Remove the environments that no service needs and no process was started from.

    A workspace knows its own services only: its marks on other environments go, and an
    environment without any mark of an existing workspace goes too.

    Args:
        cache: The user's cache.
        workspace: The workspace that asks.
        used: Identities that its services need.
        dry_run: Only tell.
    """
    removed, kept, freed = [], [], 0
    place = cache / "environments"
    running = _running(place)
    for folder in sorted(place.iterdir()) if place.is_dir() else ():
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        others = [root for root in users(cache, folder.name) if root != workspace]
        if folder.name not in used and not dry_run:
            _mark(cache, folder.name, workspace).unlink(missing_ok=True)
        if folder.name in used or folder.name in running or others:
            kept.append(folder.name)
            continue
        freed += size_of(folder)
        removed.append(folder.name)
        if not dry_run:
            _remove(cache, folder)
    if not dry_run:
        _sweep(cache)
    return PruneReport(removed=tuple(removed), kept=tuple(kept), freed=freed, dry_run=dry_run)


def _running(place: Path) -> set[str]:
    """Identities of environments whose Python runs: kernels, and what supervises their services."""
    import psutil

    programs = (process.info["cmdline"] for process in psutil.process_iter(["cmdline"]))
    started = (Path(line[0]) for line in programs if line)
    return {path.relative_to(place).parts[0] for path in started if path.is_relative_to(place)}


def _remove(cache: Path, folder: Path) -> None:
    with exclusive(cache, folder.name):
        # Renamed first: nobody finds a half of it under its name.
        going = folder.with_name(f".{folder.name}.building-removed")
        shutil.rmtree(going, ignore_errors=True)
        folder.rename(going)
        shutil.rmtree(going, ignore_errors=True)
        shutil.rmtree(_folder(cache, folder.name), ignore_errors=True)


def _sweep(cache: Path) -> None:
    """Remove what builds that were killed have left, but for those that go on."""
    for leftover in (cache / "environments").glob(".*.building-*"):
        identity = leftover.name.split(".")[1]
        with contextlib.suppress(Timeout), exclusive(cache, identity, wait=False):
            shutil.rmtree(leftover, ignore_errors=True)


def _folder(cache: Path, identity: str) -> Path:
    return cache / "environments" / f".{identity}.{_USERS}"


def _mark(cache: Path, identity: str, workspace: Path) -> Path:
    return _folder(cache, identity) / hashlib.sha256(str(workspace).encode()).hexdigest()[:16]
