"""Bringing the objects of a service to a revision, and taking them away."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.errors import DeploymentTimeoutError
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.autoscaling import equipped, pause
from mlmagic.targets.kubernetes.faults import ChangedMeanwhileError, ForbiddenError, NoDryRunError
from mlmagic.targets.kubernetes.limit_ranges import within
from mlmagic.targets.kubernetes.objects import OPTIONAL_KINDS, manifests, metadata, plain
from mlmagic.targets.kubernetes.owning import is_own, own
from mlmagic.targets.kubernetes.pull_secrets import with_those_of_account
from mlmagic.targets.kubernetes.release import autoscales, first_replicas

if TYPE_CHECKING:
    from mlmagic.entities import DeploymentSpec, KubernetesDeploymentConfig
    from mlmagic.targets.kubernetes.connection import Connection, Object
    from mlmagic.targets.kubernetes.release import Release

GONE_SECONDS, _PAUSE_SECONDS = 120.0, 0.1
_TRIES = 10
_ALL_KINDS = ("Deployment", "Service", *OPTIONAL_KINDS)


def dry_run(connection: Connection, release: Release) -> list[tuple[Object | None, Object]]:
    """Let the server say what applying a revision would come to; nothing is changed.

    Returns:
        For each object what it is now, None where there is none, and what it would be; nothing
        where an admission webhook answers no dry run.

    Raises:
        ServiceExistsError: An object of the name is somebody else's.
        MlmagicError: The server, an admission rule or another field manager refuses.
    """
    items = manifests(kept_pods(connection, release))
    before = _own_of(connection, release.spec.name, items)
    found = []
    for there, item in zip(before, items, strict=True):
        with suppress(NoDryRunError):
            found.append((there, connection.apply(item, dry_run=True)))
            if there is not None and there["kind"] == "Deployment":
                _scale_first(connection, release, there, dry_run=True)
    return found


def refuse_foreign(connection: Connection, spec: DeploymentSpec) -> None:
    """Make sure that no Secret that a service may come to have belongs to somebody else.

    Whether the other objects do, `dry_run` and `apply_release` look.

    Raises:
        ServiceExistsError: One does.
    """
    names = [naming.keys_name(spec.name), naming.pull_name(spec.name)]
    if spec.secrets:
        names.append(naming.secrets_name(spec.name, spec.secrets))
    for name in names:
        own(connection, "Secret", name, spec.name)


def apply_release(connection: Connection, release: Release) -> list[Object]:
    """Apply a revision, the Deployment last; remove what it does not want any more.

    Returns:
        The objects, as the server has them now.

    Raises:
        ServiceExistsError: An object of the name is somebody else's; nothing was applied.
    """
    release = kept_pods(connection, release)
    items = manifests(release)
    for there in _own_of(connection, release.spec.name, items):
        if there is not None and there["kind"] == "Deployment":
            _give_up_number(connection, there)  # a first deployment may have ended before it did
    _own_secrets(connection, release)
    # Others may hold fields of ours: they are told, never overwritten.
    applied = [connection.apply(item) for item in items]
    wanted = {item["kind"] for item in items}
    for kind in OPTIONAL_KINDS:
        if kind not in wanted:
            _remove_ours(connection, kind, release.spec.name)
    (deployment,) = (each for each in applied if each["kind"] == "Deployment")
    _give_up_number(connection, deployment)
    if (scaled := _scale_first(connection, release, deployment)) is not None:
        applied.append(scaled)
    return applied


def scale(
    connection: Connection,
    name: str,
    config: KubernetesDeploymentConfig,
    pods: int,
    *,
    dry_run: bool = False,
) -> Object | None:
    """Set the number of pods, as ``kubectl scale`` does; returns the Deployment."""
    if config.autoscale_requests is not None and not dry_run:
        pause(connection, name, paused=pods == 0)
    change = {"spec": {"replicas": pods}}
    connection.patch("Deployment", name, change, part="scale", dry_run=dry_run)
    return connection.get("Deployment", name)


def remove(connection: Connection, name: str) -> None:
    """Delete all objects of a service, and wait until they are gone.

    Raises:
        DeploymentTimeoutError: Something keeps them.
    """
    record = naming.record_name(name)
    if is_own(connection.get("ConfigMap", record), name):
        connection.delete("ConfigMap", record, foreground=True)
    selector = naming.selecting(name)
    for kind in _ALL_KINDS:  # what lost its owner
        _remove_ours(connection, kind, name)
    for secret in connection.list("Secret", selector)[0]:
        connection.delete("Secret", secret["metadata"]["name"])
    until = time.monotonic() + GONE_SECONDS
    while left := _left(connection, name, selector):
        if time.monotonic() > until:
            raise DeploymentTimeoutError(
                f"Service '{name}' is being deleted, but its {left} is still there.",
                hint=f"See what keeps it: kubectl -n {connection.namespace} describe {left}",
            )
        time.sleep(_PAUSE_SECONDS)


def suited(connection: Connection, release: Release) -> Release:
    """Add to a revision what the cluster has for it.

    Raises:
        ConfigurationError: Nothing tells its autoscaler what it wants to go by.
    """
    return equipped(connection, with_those_of_account(connection, release))


def kept_pods(connection: Connection, release: Release) -> Release:
    """Keep the pods' revision and restart where nothing of the pods changes.

    The revision is suited to what the cluster has and allows before; see `suited` and `within`.
    """
    release = suited(connection, within(connection, release))
    name = release.spec.name
    found = connection.get("Deployment", name)
    fresh = replace(release, pods_revision=release.revision, is_new=found is None)
    if found is None:
        return fresh
    if _names_account(found):
        release, fresh = (replace(each, account="default") for each in (release, fresh))
    template = found["spec"]["template"]["metadata"]
    number = template.get("labels", {}).get(naming.REVISION, "")
    restarted = (template.get("annotations") or {}).get(naming.RESTARTED, "")
    same = replace(
        release,
        pods_revision=int(number) if number.isdigit() else release.revision,
        restarted=release.restarted or restarted,
    )
    there = (found["metadata"].get("annotations") or {}).get(naming.TEMPLATE)
    wanted = next(item for item in manifests(same) if item["kind"] == "Deployment")
    ours = wanted["metadata"]["annotations"][naming.TEMPLATE]
    return same if there == ours else replace(fresh, restarted=same.restarted)


def _names_account(deployment: Object) -> bool:
    """Whether we gave the pods an account: Kubernetes keeps it by an older name if left out."""
    return any(
        "f:serviceAccountName" in fields.get("f:template", {}).get("f:spec", {})
        for fields in _applied_by_us(deployment)
    )


def _applied_by_us(deployment: Object) -> list[Object]:
    """Return the fields of a Deployment's ``spec`` that we hold, as they lie in its metadata."""
    return [
        each["fieldsV1"].get("f:spec", {})
        for each in deployment["metadata"]["managedFields"]
        if (each["manager"], each["operation"]) == (naming.MANAGER, "Apply")
    ]


def _own_secrets(connection: Connection, release: Release) -> None:
    """Let the record own Secrets that came back from a backup, so that they go with it."""
    owners = plain(metadata(release)).get("ownerReferences", [])
    for item in connection.list("Secret", naming.selecting(release.spec.name))[0]:
        there = item["metadata"].get("ownerReferences") or []
        if missing := [each for each in owners if each not in there]:
            change = {"metadata": {"ownerReferences": [*there, *missing]}}
            connection.patch("Secret", item["metadata"]["name"], change)


def _give_up_number(connection: Connection, deployment: Object) -> None:
    """Let go of the number of pods where we hold it, so that it stays when it is not applied."""
    name = deployment["metadata"]["name"]
    for tries_left in reversed(range(_TRIES)):
        managed = deployment["metadata"]["managedFields"]
        held = [each for each in _applied_by_us(deployment) if "f:replicas" in each]
        if not held:
            return
        for fields in held:
            del fields["f:replicas"]
        version = deployment["metadata"]["resourceVersion"]
        change = {"metadata": {"managedFields": managed, "resourceVersion": version}}
        try:
            connection.patch("Deployment", name, change)
        except ChangedMeanwhileError:  # by its controller, mostly
            if not tries_left:
                raise
            deployment = connection.get("Deployment", name) or deployment
        else:
            return


def _scale_first(
    connection: Connection, release: Release, deployment: Object, *, dry_run: bool = False
) -> Object | None:
    """Set the number of pods, unless an autoscaler does."""
    config = release.config
    wanted, there = first_replicas(config), deployment["spec"]["replicas"]
    if autoscales(config):
        low, high = config.autoscale_min or 1, config.autoscale_max or 1
        if low <= there <= high:
            return None
        wanted = min(max(wanted, low), high)
    if there == wanted:
        return None
    return scale(connection, release.spec.name, config, wanted, dry_run=dry_run)


def _own_of(connection: Connection, name: str, items: list[Object]) -> list[Object | None]:
    """Return what there is of objects; all are looked at before the first is applied."""
    return [own(connection, item["kind"], item["metadata"]["name"], name) for item in items]


def _remove_ours(connection: Connection, kind: str, name: str) -> None:
    try:
        found = connection.get(kind, name)
    except ForbiddenError:
        return  # what we may not even see, we have not made
    if is_own(found, name):
        connection.delete(kind, name)


def _left(connection: Connection, name: str, selector: str) -> str:
    """Return what is still there, such as ``pod/svc-…``; empty where nothing is."""
    if pods := connection.list("Pod", selector)[0]:
        return f"pod/{pods[0]['metadata']['name']}"
    for kind, called in (("Deployment", name), ("ConfigMap", naming.record_name(name))):
        if is_own(connection.get(kind, called), name):
            return f"{kind.lower()}/{called}"
    return ""
