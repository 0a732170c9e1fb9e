"""What a cluster has for services, and what to do about what is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.entities import Check, DoctorReport
from mlmagic.errors import MlmagicError, TargetError
from mlmagic.targets.kubernetes.autoscaling import KEDA, METRIC, source_of_requests
from mlmagic.targets.kubernetes.connection import Connection, connect
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.limit_ranges import examine_limits
from mlmagic.targets.kubernetes.local_clusters import loader_of
from mlmagic.targets.kubernetes.permissions import lacking
from mlmagic.targets.kubernetes.pull_secrets import examine_credentials
from mlmagic.targets.kubernetes.quotas import all_quotas, examine_quota

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.targets.kubernetes.connection import Place
    from mlmagic.targets.kubernetes.local_clusters import Loader

# The pod's sleep before it ends, and the eviction of broken pods, came with it.
_OLDEST = (1, 30)
_METRICS = "/apis/metrics.k8s.io/v1beta1"


def examine_cluster(
    place: Place, *, name: str, registry: str | None, pull_secret: str | None = None
) -> DoctorReport:
    """Look at a cluster; nothing is changed.

    Args:
        place: The cluster.
        name: What users call it.
        registry: Where images for it are pushed.
        pull_secret: Secret of the namespace with which nodes pull them; None looks at those that
            services name.
    """
    checks = []
    try:
        for check in _checks(connect(place, name=name), place, registry, pull_secret):
            checks.append(check)  # noqa: PERF402 - what was found before a fault is told
    except MlmagicError as error:
        found, advice = error.message.rstrip("."), error.hint or ""
        checks.append(Check(name="cluster", state="missing", found=found, advice=advice))
    return DoctorReport(checks=tuple(checks))


def _checks(
    connection: Connection, place: Place, registry: str | None, pull_secret: str | None
) -> Iterator[Check]:
    version = connection.version
    yield Check(name="cluster", state="ok", found=f"answers at '{connection.host}'")
    yield _version(version)
    namespace = _namespace(connection)
    yield namespace
    if namespace.state == "missing":
        return
    yield from _permissions(connection)
    yield _nodes(connection)
    yield from map(examine_quota, all_quotas(connection))
    yield from examine_limits(connection)
    yield _registry(registry, loader_of(place))
    yield from examine_credentials(connection, registry, pull_secret)
    yield _metrics(connection)
    yield _requests(connection)


def _version(version: str) -> Check:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    number = (int(found[1]), int(found[2])) if found else _OLDEST
    if number < _OLDEST:
        wanted = ".".join(str(part) for part in _OLDEST)
        return Check(
            name="version",
            state="missing",
            found=f"Kubernetes {version}",
            advice=f"Services need Kubernetes {wanted} or later; upgrade the cluster.",
        )
    return Check(name="version", state="ok", found=f"Kubernetes {version}")


def _namespace(connection: Connection) -> Check:
    name = connection.namespace
    try:
        found = connection.get("Namespace", name)
    except ForbiddenError:
        return Check(name="namespace", state="ok", found=f"'{name}' (it may not be looked at)")
    if found is None:
        return Check(
            name="namespace",
            state="missing",
            found=f"there is no namespace '{name}'",
            advice=f"Make it (kubectl create namespace {name}), or attach with another.",
        )
    level = (found["metadata"].get("labels") or {}).get("pod-security.kubernetes.io/enforce", "")
    return Check(
        name="namespace",
        state="ok",
        found=f"'{name}'" + (f", pod security '{level}'" if level else ""),
    )


def _permissions(connection: Connection) -> Iterator[Check]:
    found = lacking(connection)
    needed = [(need, verbs) for need, verbs in found if not need.optional]
    if not needed:
        yield Check(name="permissions", state="ok", found="everything that services need")
    for need, verbs in found:
        yield Check(
            name="permissions",
            state="optional" if need.optional else "missing",
            found=f"may not {', '.join(verbs)} {need.resource} (for {need.what_for})",
            advice="Ask for the rules of: %ml computetarget check NAME --rbac",
        )


def _nodes(connection: Connection) -> Check:
    try:
        nodes = connection.list("Node")[0]
    except TargetError:
        return Check(name="nodes", state="optional", found="they may not be looked at")
    ready = [
        node
        for node in nodes
        if any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in node.get("status", {}).get("conditions", [])
        )
    ]
    if not ready:
        return Check(
            name="nodes",
            state="missing",
            found=f"none of {len(nodes)} is ready",
            advice="Ask who runs the cluster.",
        )
    extended = sorted(
        {
            f"{name}: {amount}"
            for node in ready
            for name, amount in node["status"]["allocatable"].items()
            if "/" in name and amount != "0"
        }
    )
    found = f"{len(ready)} of {len(nodes)} ready"
    return Check(name="nodes", state="ok", found=", ".join([found, *extended]))


def _registry(registry: str | None, loader: Loader | None) -> Check:
    if registry is not None:
        return Check(name="registry", state="ok", found=f"images go to '{registry}'")
    if loader is not None and not loader.missing:
        found = f"none is needed: images are loaded into '{loader.cluster}' by {loader.program}"
        return Check(name="registry", state="ok", found=found)
    if loader is not None:
        return Check(
            name="registry",
            state="optional",
            found=f"none is named, and {loader.missing}",
            advice="Install it, or give --image-registry HOST/PATH.",
        )
    return Check(
        name="registry",
        state="optional",
        found="none is named",
        advice="Give --image-registry HOST/PATH when attaching or deploying.",
    )


def _metrics(connection: Connection) -> Check:
    try:
        there = connection.read(_METRICS) is not None
    except MlmagicError:
        there = False
    if there:
        return Check(name="metrics", state="ok", found="CPU use is measured: autoscaling works")
    return Check(
        name="metrics",
        state="optional",
        found="the metrics API does not answer: the autoscaler would have nothing to go by",
        advice="Install metrics-server, or deploy with a fixed number of --replicas.",
    )


def _requests(connection: Connection) -> Check:
    source = source_of_requests(connection)
    if not source:
        return Check(
            name="requests in flight",
            state="optional",
            found="neither KEDA nor a custom metrics API is there: --autoscale-requests is refused",
            advice="Autoscale on CPU, or have KEDA 2.20 or later installed.",
        )
    told = (
        "KEDA is there, and asks the pods"
        if source == KEDA
        else f"a custom metrics API is there; it has to be fed with '{METRIC}' of the pods"
    )
    return Check(name="requests in flight", state="ok", found=f"{told} (--autoscale-requests)")
