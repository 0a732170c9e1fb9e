"""Where something comes from: commit, notebook, cell, Python."""

from __future__ import annotations

import platform
import subprocess
from typing import TYPE_CHECKING

from mlmagic.entities import Lineage

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.entities import CellOrigin

_GIT_SECONDS = 5
_STATUS = ("--no-optional-locks", "status", "--porcelain")  # asks, and writes no index


def lineage_of(folder: Path, *, cell: CellOrigin | None, notebook: str | None) -> Lineage:
    """Tell the lineage of something made now in a folder."""
    commit = commit_of(folder)
    changes = _git(folder, *_STATUS, "--untracked-files=no") if commit else None
    return Lineage(
        git_commit=commit,
        git_dirty=bool(changes) if changes is not None else None,
        notebook=notebook,
        execution_count=cell.execution_count if cell else None,
        python_version=platform.python_version(),
    )


def commit_of(folder: Path) -> str | None:
    """Return the commit that a folder is at, if git knows it."""
    return _git(folder, "rev-parse", "HEAD")


def commit_with(script: Path, folder: Path | None) -> str:
    """Return the commit that has a script, and a folder that it comes with, as they are now.

    Args:
        script: The script; it has to be a file that git knows.
        folder: What travels with it.

    Returns:
        The commit; empty where there is none, or where something was changed or added since.
    """
    from mlmagic.scripts.ignoring import NEVER

    of_script = _git(script.parent, *_STATUS, "--ignored", "--", str(script))
    if of_script != "":
        return ""
    if folder is not None:
        stays = [f":(top,exclude,glob)**/{name}/**" for name in sorted(NEVER)]
        travels = _git(script.parent, *_STATUS, "-uall", "--", str(folder), *stays)
        if travels != "":
            return ""
    return commit_of(script.parent) or ""


def _git(folder: Path, *arguments: str) -> str | None:
    """Ask git; None where there is no git, no repository or no commit."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
