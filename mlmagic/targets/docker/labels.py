"""What containers and volumes say of themselves: enough to find a service again from anywhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ServiceRecord
from mlmagic.errors import DamagedRecordError
from mlmagic.files import parse_record, record_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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


def owner_of(directory: Path) -> str:
    """Return what tells the services of one workspace from those of others.

    Args:
        directory: Folder of the workspace's services.
    """
    return hashlib.sha256(f"{socket.gethostname()}:{directory.resolve()}".encode()).hexdigest()[:16]


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
