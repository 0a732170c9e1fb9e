"""What containers and volumes say of themselves: enough to find a service again from anywhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ServiceRecord
from mlmagic.errors import DamagedRecordError
from mlmagic.files import parse_record, record_text, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE = "io.mlmagic.service"
OWNER = "io.mlmagic.workspace"
PART = "io.mlmagic.part"
FRONT, REVISION = "front", "revision"
GENERATION = "io.mlmagic.generation"
SPEC = "io.mlmagic.spec"
INSTANCE = "io.mlmagic.instance"
ENTRANCE = "io.mlmagic.front"
SHAPE = "io.mlmagic.front.shape"
ADDRESS = "io.mlmagic.address"
PORT = "io.mlmagic.port"
RECORD = "io.mlmagic.record"
_KEPT = ".owner"  # no service can have the name


def owner_of(directory: Path) -> str:
    """Return what tells the services of one workspace from those of others.

    It lies in a file, made once from where the workspace is then: it outlives another name of the
    machine, and a move. A copy of a workspace gets one of its own.

    Args:
        directory: Folder of the workspace's services.
    """
    here = directory.resolve()
    kept = here / _KEPT
    try:
        owner, place = kept.read_text("utf-8").split("\n", 1)
    except (OSError, ValueError):
        owner = place = ""
    if place == str(here):
        return owner
    original = Path(place) / _KEPT
    if not owner or (original.is_file() and not original.samefile(kept)):
        owner = hashlib.sha256(f"{socket.gethostname()}:{here}".encode()).hexdigest()[:16]
    with suppress(OSError):  # in a folder that can only be read, it is found anew each time
        write_atomically(kept, f"{owner}\n{here}")
    return owner


def own(name: str, owner: str, part: str) -> dict[str, str]:
    """Return the labels that every part of a service has."""
    return {SERVICE: name, OWNER: owner, PART: part}


def packed_record(record: ServiceRecord) -> str:
    """Return a record with its current revision alone, small enough for a label."""
    current = record.revision(record.current)
    shared = replace(record, revisions=(current,), deploying=None, failure=None, facts={})
    return base64.b64encode(gzip.compress(record_text(shared).encode(), mtime=0)).decode()


def unpacked_record(labels: Mapping[str, Any]) -> ServiceRecord:
    """Return the record that a container's labels hold.

    Raises:
        DamagedRecordError: They hold none that can be read.
    """
    try:
        text = gzip.decompress(base64.b64decode(labels[RECORD]))
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise DamagedRecordError(
            f"The record in the labels of service '{labels.get(SERVICE)}' cannot be read: {error}."
        ) from error
    record = parse_record(text, ServiceRecord, source="record in the labels of a container")
    return replace(record, facts={"owner": labels[OWNER]})
