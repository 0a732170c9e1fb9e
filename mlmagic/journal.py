"""What an unattended run did, written down as it happens.

``mlmagic run`` names a file in ``MLMAGIC_RUN_JOURNAL``; every process that the notebook starts
and that registers or deploys adds a line to it, whether a cell shows the result or not; so are
lines of progress, which the run passes on while the cell still runs.
Without that variable nothing is written.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL_VARIABLE = "MLMAGIC_RUN_JOURNAL"


def note(kind: Literal["deploy", "progress", "register"], **facts: str) -> None:
    """Add one line to the journal of this run, if it has one.

    Args:
        kind: What was done.
        facts: ``root`` and ``name`` of the service, ``id`` of the model, and ``outcome``; of
            progress, the ``line``.
    """
    path = os.environ.get(JOURNAL_VARIABLE)
    if not path:
        return
    line = json.dumps({"kind": kind, **facts}) + "\n"
    with suppress(OSError):  # a process may outlive the run and its journal
        # One write to a file opened for appending: lines of several processes do not mix.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def read(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a journal, oldest first; none where nothing was written."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    whole, _, _being_written = text.rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]
