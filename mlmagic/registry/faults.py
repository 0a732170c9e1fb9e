"""Words for what the disk and the database can do to us."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmagic import files
from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

# What databases say, and how we say it.
_DATABASE = (
    (
        ("password authentication failed", "no password supplied", "role "),
        "refuses the user or the password",
        "Correct the address in 'database_url' (%ml config shows where it comes from).",
    ),
    (
        (
            "connection failed",
            "connection refused",
            "could not connect",
            "server closed",
            "connection is closed",
            "terminating connection",
            "consuming input failed",
            "could not translate",
            "failed to resolve",
            "starting up",
            "shutting down",
        ),
        "cannot be reached",
        "Check that the database runs and that the address is right; nothing was changed.",
    ),
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
        ("disk i/o",),
        "cannot be read or written: the disk is full or fails",
        "Free some space and try again; nothing was lost.",
    ),
    (
        ("malformed", "not a database", "corrupt"),
        "is damaged",
        "Restore it from a copy, or move it away and register the models again.",
    ),
)


def storage_faults(path: Path) -> AbstractContextManager[None]:
    """Turn errors of the file system into a RegistryError that names the path."""
    return files.storage_faults(path, RegistryError)


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
