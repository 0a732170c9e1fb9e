"""Words for what the disk and the database can do to us."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DISK = {
    errno.ENOSPC: ("the disk is full", "Free some space and try again; nothing was lost."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and try again; nothing was lost."),
    errno.EFBIG: ("the file would be too large", "Raise the limit on file sizes (ulimit -f)."),
    errno.EROFS: ("the file system is read-only", "Use a workspace that can be written."),
    errno.EACCES: ("permission is denied", "Use a workspace that can be written."),
    errno.EPERM: ("it is not permitted", "Use a workspace that can be written."),
}

# What SQLite says, and how we say it.
_DATABASE = (
    (
        ("locked", "busy"),
        "is locked by another process",
        "Try again; if it stays so, end the process that holds it.",
    ),
    (
        ("readonly", "read-only", "unable to open"),
        "cannot be written",
        "Check the permissions of the workspace's folder '.mlmagic'.",
    ),
    (("full",), "cannot grow: the disk is full", "Free some space; nothing was lost."),
    (
        ("malformed", "not a database", "corrupt", "disk i/o"),
        "is damaged",
        "Restore it from a copy, or move it away and register the models again.",
    ),
)


@contextmanager
def storage_faults(path: Path) -> Iterator[None]:
    """Turn errors of the file system into a RegistryError that names the path."""
    try:
        yield
    except OSError as error:
        words = error.strerror or str(error)
        fact, hint = _DISK.get(error.errno or 0, (words, None))
        raise RegistryError(
            f"The path '{error.filename or path}' cannot be used: {fact}.", hint=hint
        ) from error


@contextmanager
def database_faults(path: str) -> Iterator[None]:
    """Turn errors of the database into a RegistryError that names it."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        text = str(error.orig).lower()
        for signs, fact, hint in _DATABASE:
            if any(sign in text for sign in signs):
                raise RegistryError(f"The registry '{path}' {fact}.", hint=hint) from error
        raise RegistryError(f"The registry '{path}' failed: {error.orig}.") from error
