"""The record of a service in the cluster: a ConfigMap that owns all other objects of it."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ServiceRecord
from mlmagic.errors import DamagedRecordError, TargetError
from mlmagic.files import parse_record, record_text
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.objects import metadata, plain
from mlmagic.targets.kubernetes.release import NO_IMAGE, Release

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.connection import Connection, Object

# A ConfigMap holds 1 MiB, base64 and the rest of it included.
_LIMIT = 700_000


def record_object(record: ServiceRecord, release: Release) -> Object:
    """Return the ConfigMap; it keeps as many of the last revisions as there is room for."""
    from kubernetes import client as k8s

    described = metadata(release, name=naming.record_name(record.name))
    described.owner_references = None
    return plain(
        k8s.V1ConfigMap(
            api_version="v1",
            kind="ConfigMap",
            metadata=described,
            binary_data={naming.RECORD_KEY: base64.b64encode(_packed(record)).decode()},
        )
    )


def read_record_object(item: Object) -> ServiceRecord:
    """Return the record that a ConfigMap keeps.

    Raises:
        DamagedRecordError: It cannot be read.
    """
    name = item["metadata"]["name"]
    try:
        packed = base64.b64decode(item["binaryData"][naming.RECORD_KEY])
        text = gzip.decompress(packed)
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise DamagedRecordError(
            f"The record in the ConfigMap '{name}' cannot be read: {error}."
        ) from error
    return parse_record(text, ServiceRecord, source=f"record in the ConfigMap '{name}'")


def keep_record(connection: Connection, record: ServiceRecord) -> Release:
    """Put the record into the cluster; returns what the other objects are made from."""
    release = Release(spec=record.spec, revision=record.current, image=NO_IMAGE)
    kept = connection.apply(record_object(record, release))
    return replace(release, owner=owner_of(kept))


def running_release(
    connection: Connection, record: ServiceRecord, *, restarted: str = ""
) -> Release:
    """Return what the running objects are made from: the image is the one that runs.

    Raises:
        TargetError: There is no Deployment.
    """
    found = connection.get("Deployment", record.name)
    if found is None:
        raise TargetError(f"Service '{record.name}' has no Deployment.", hint="Deploy it again.")
    pods = found["spec"]["template"]["spec"]
    pull = naming.pull_name(record.name)
    has_pull = any(each["name"] == pull for each in pods.get("imagePullSecrets") or [])
    return replace(
        keep_record(connection, record),
        image=pods["containers"][0]["image"],
        restarted=restarted,
        pull_secret=pull if has_pull else "",
    )


def owner_of(item: Object) -> dict[str, Any]:
    """Return the reference by which the other objects disappear with the record."""
    return {
        "api_version": "v1",
        "kind": "ConfigMap",
        "name": item["metadata"]["name"],
        "uid": item["metadata"]["uid"],
    }


def _packed(record: ServiceRecord) -> bytes:
    # Process numbers of this machine mean nothing to others.
    shared = replace(record, deploying=None, facts={})
    while True:
        packed = gzip.compress(record_text(shared).encode(), mtime=0)
        if len(packed) <= _LIMIT or len(shared.revisions) == 1:
            return packed
        rest = [r for r in shared.revisions if r.generation != record.current]
        shared = replace(shared, revisions=(*rest[1:], record.revision(record.current)))
