"""The record of a service in the cluster: a ConfigMap that owns all other objects of it."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ServiceRecord
from mlmagic.errors import DamagedRecordError, ServiceExistsError, TargetError
from mlmagic.files import parse_record, record_text
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.faults import ChangedMeanwhileError
from mlmagic.targets.kubernetes.objects import metadata, plain
from mlmagic.targets.kubernetes.owning import is_own, own
from mlmagic.targets.kubernetes.release import (
    ARCHITECTURE,
    LIMITS,
    NO_IMAGE,
    Release,
    config_of,
)

if TYPE_CHECKING:
    from mlmagic.entities import DeploymentSpec
    from mlmagic.targets.kubernetes.connection import Connection, Object

# A ConfigMap holds 1 MiB, base64 and the rest of it included.
_LIMIT = 700_000
_TRIES = 5


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


def known_record(connection: Connection, name: str) -> ServiceRecord | None:
    """Return the record that the cluster has of a service; None where none can be read."""
    found = connection.get("ConfigMap", naming.record_name(name))
    return _readable(found) if is_own(found, name) else None


def is_same(one: ServiceRecord, other: ServiceRecord) -> bool:
    """Whether two records are of one service, not of one that was made anew under its name."""
    return one.created_at == other.created_at


def is_ahead(there: ServiceRecord, record: ServiceRecord) -> bool:
    """Whether what the cluster has is not what a record came from: somebody else deployed since.

    Args:
        there: The record in the cluster.
        record: The one of a workspace.
    """
    if not is_same(there, record) or _newest(there) > _newest(record):
        return True
    # Two that deployed in one moment gave their revisions one number.
    newest = there.revision(_newest(there))
    known = {each.generation: each.created_at for each in record.revisions}
    return known.get(newest.generation, newest.created_at) != newest.created_at


def refuse_unknown(connection: Connection, name: str, target: str) -> None:
    """Make sure that the cluster has no service of a name that the workspace has no record of.

    Raises:
        ServiceExistsError: It has.
    """
    found = own(connection, "ConfigMap", naming.record_name(name), name)
    if found is not None and naming.RECORD_KEY in found.get("binaryData", {}):
        raise ServiceExistsError(
            f"The namespace '{connection.namespace}' has a service '{name}' that this workspace "
            "did not deploy.",
            hint=f"Attach it: %ml service attach {name} --target {target}; or choose another name.",
        )


def refuse_ahead(connection: Connection, record: ServiceRecord) -> Object | None:
    """Make sure that a record is not older than the cluster's.

    Returns:
        The ConfigMap as it is there; None where there is none.

    Raises:
        ServiceExistsError: It is, or the cluster's is of another service of the name.
    """
    found = own(connection, "ConfigMap", naming.record_name(record.name), record.name)
    there = _readable(found)
    if there is None or not is_ahead(there, record):
        return found
    known = _newest(record)
    newer = f"revision {_newest(there)}" + (
        f"; this workspace knows {known}" if _newest(there) > known else " of somebody else"
    )
    raise ServiceExistsError(
        f"The namespace '{connection.namespace}' has service '{record.name}' "
        + (f"in {newer}." if is_same(there, record) else "made anew by somebody else."),
        hint=f"Attach it again: %ml service attach {record.name} --target {record.target}",
    )


def keep_record(connection: Connection, record: ServiceRecord) -> Release:
    """Put the record into the cluster; returns what the other objects are made from.

    What somebody else puts there between our look and our writing is not overwritten.

    Raises:
        ServiceExistsError: The cluster has a newer one, or one of somebody else.
        ChangedMeanwhileError: Others change it again and again.
    """
    for tries_left in reversed(range(_TRIES)):
        found = refuse_ahead(connection, record)
        try:
            # Only what is there has a version to hold on to.
            over = found or connection.create(_placeholder(record.name))
            return put_record(connection, record, over=over["metadata"]["resourceVersion"])
        except ChangedMeanwhileError:
            if not tries_left:
                raise
    raise AssertionError  # the last try returns or raises


def put_record(connection: Connection, record: ServiceRecord, *, over: str = "") -> Release:
    """Do what `keep_record` does, whatever the cluster has: to take back what was kept.

    Args:
        connection: The cluster.
        record: The record.
        over: Version of the ConfigMap that it replaces; empty replaces any.

    Raises:
        ChangedMeanwhileError: The ConfigMap has another version by now.
    """
    release = Release(spec=record.spec, revision=record.current, image=NO_IMAGE)
    item = record_object(record, release)
    if over:
        item["metadata"]["resourceVersion"] = over
    return replace(release, owner=owner_of(connection.apply(item)))


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
    template = found["spec"]["template"]
    pods, there = template["spec"], template["metadata"]
    number = there.get("labels", {}).get(naming.REVISION, "")
    asked = pods["containers"][0].get("resources", {}).get("requests", {})
    return replace(
        keep_record(connection, record),
        image=pods["containers"][0]["image"],
        pods_revision=int(number) if number.isdigit() else 0,
        restarted=restarted or (there.get("annotations") or {}).get(naming.RESTARTED, ""),
        pull_secret=_pull_secret(record.name, pods),
        architecture=_architecture(pods),
        left_out=tuple(each for each in LIMITS if each not in asked),
    )


def named_pull_secret(connection: Connection, spec: DeploymentSpec) -> str:
    """Return the Secret of ours that pods go on naming where nobody names another; else nothing."""
    found = connection.get("Deployment", spec.name)
    if found is None or config_of(spec).image_pull_secret is not None:
        return ""
    return _pull_secret(spec.name, found["spec"]["template"]["spec"])


def registry_of(connection: Connection, name: str) -> str | None:
    """Return where the image of a service was pushed; None where it is not known, or was loaded."""
    found = connection.get("Deployment", name)
    if found is None or not is_own(found, name):
        return None
    image = str(found["spec"]["template"]["spec"]["containers"][0]["image"])
    repository, _, digest = image.partition("@")
    pushed = digest and repository.endswith(f"/{name}")
    return repository.removesuffix(f"/{name}") if pushed else None


def same_image(one: DeploymentSpec, other: DeploymentSpec) -> bool:
    """Whether two specifications have the same image."""
    names = ("models", "source", "lock", "runtime", "sample", "variables")
    bases = ("base_image", "base_dockerfile", "standalone_python")
    return all(getattr(one, name) == getattr(other, name) for name in names) and all(
        getattr(one.config, name, None) == getattr(other.config, name, None) for name in bases
    )


def image_of(connection: Connection, record: ServiceRecord, wanted: DeploymentSpec) -> str | None:
    """Return the image of a specification, as pods of a service have or had it.

    Returns:
        None where no ReplicaSet has it: the Deployment keeps those of the last revisions.
    """
    kept = {each.generation: each.spec for each in record.revisions}
    asked = config_of(wanted).node_selector.get(ARCHITECTURE)
    selector = naming.selecting(record.name)
    for item in connection.list("ReplicaSet", selector)[0]:
        template = item["spec"]["template"]
        number = template["metadata"].get("labels", {}).get(naming.REVISION, "")
        spec = kept.get(int(number)) if number.isdigit() else None
        if spec is None or not same_image(spec, wanted):
            continue
        if asked in (None, _architecture(template["spec"]) or asked):
            return str(template["spec"]["containers"][0]["image"])
    return None


def kept_architecture(connection: Connection, name: str, image: str) -> str:
    """Return what processors pods of an image are kept to; empty where to none."""
    found = connection.list("ReplicaSet", naming.selecting(name))[0]
    templates = [item["spec"]["template"]["spec"] for item in found]
    fitting = [pods for pods in templates if pods["containers"][0]["image"] == image]
    return max(map(_architecture, fitting), default="")


def owner_of(item: Object) -> dict[str, Any]:
    """Return the reference by which the other objects disappear with the record."""
    return {
        "api_version": "v1",
        "kind": "ConfigMap",
        "name": item["metadata"]["name"],
        "uid": item["metadata"]["uid"],
    }


def _architecture(pods: Object) -> str:
    return str((pods.get("nodeSelector") or {}).get(ARCHITECTURE, ""))


def _pull_secret(service: str, pods: Object) -> str:
    name = naming.pull_name(service)
    named = [each["name"] for each in pods.get("imagePullSecrets") or ()]
    return name if name in named else ""


def _placeholder(service: str) -> Object:
    """Return the ConfigMap before it keeps anything, with the labels that it always has."""
    described = {"name": naming.record_name(service), "labels": naming.selector(service)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described}


def _readable(item: Object | None) -> ServiceRecord | None:
    try:
        return read_record_object(item) if item is not None else None
    except DamagedRecordError:
        return None  # the next deployment writes it anew


def _newest(record: ServiceRecord) -> int:
    return max(revision.generation for revision in record.revisions)


def _packed(record: ServiceRecord) -> bytes:
    # Process numbers of this machine mean nothing to others.
    shared = replace(record, deploying=None, facts={})
    while True:
        packed = gzip.compress(record_text(shared).encode(), mtime=0)
        if len(packed) <= _LIMIT or len(shared.revisions) == 1:
            return packed
        rest = [r for r in shared.revisions if r.generation != record.current]
        shared = replace(shared, revisions=(*rest[1:], record.revision(record.current)))
