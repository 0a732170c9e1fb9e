"""What was found out about a captured script, kept under the digest of its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.entities import CellOrigin, Lock  # noqa: TC001 - annotations are read at run time
from mlmagic.errors import ScriptError
from mlmagic.files import read_record, storage_faults, write_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class ScriptRecord:
    """What ``%deploy --script`` need not find out again.

    Attributes:
        digest: SHA-256 of the script's file.
        lock: The environment that it was tried in.
        models: Names or identifiers of the models it was captured for.
        origin: The cell it came from.
        environment: The name of the environment, if it has one.
        source_directory: The folder that travels with it, if one was given.
    """

    digest: str
    lock: Lock | None = None
    models: tuple[str, ...] = ()
    origin: CellOrigin | None = None
    environment: str | None = None
    source_directory: str | None = None


class ScriptRecords:
    """The records of a workspace.

    Args:
        directory: Where they lie; made when the first is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def remember(
        self,
        digest: str,
        *,
        lock: Lock | None = None,
        models: Iterable[str] = (),
        origin: CellOrigin | None = None,
        environment: str | None = None,
        source_directory: str | None = None,
    ) -> ScriptRecord:
        """Keep what is known of a script; an earlier record of the same text is replaced.

        Raises:
            ScriptError: It cannot be written.
        """
        record = ScriptRecord(
            digest=digest,
            lock=lock,
            models=tuple(models),
            origin=origin,
            environment=environment,
            source_directory=source_directory,
        )
        with storage_faults(self.directory, ScriptError):
            write_record(self._path(digest), record)
        return record

    def recall(self, digest: str) -> ScriptRecord | None:
        """Return what is known of a script; None where nothing is.

        Raises:
            ConfigurationError: The record is damaged.
        """
        try:
            return read_record(self._path(digest), ScriptRecord)
        except FileNotFoundError:
            return None

    def list(self) -> list[ScriptRecord]:
        """Return all records, so that environments in use are not pruned."""
        return [read_record(path, ScriptRecord) for path in sorted(self.directory.glob("*.json"))]

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"'{digest}' is not a SHA-256 digest")
        return self.directory / f"{digest}.json"
