"""What is seen of a service in the cluster at one moment, as far as states are derived from it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.pods import CONTAINER
from mlmagic.targets.kubernetes.taints import Taint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmagic.targets.kubernetes.connection import Object

# Why a kubelet that answers calls a pod not ready; who finds its node lost gives no reason.
_NODE_WAITS = ("ReadinessGatesNotReady", "ContainersNotReady")
_FIXED_NODES = ("kind:", "k3s:")  # providers that add none
_TURN = "deployment.kubernetes.io/revision"
# What Kubernetes makes names of: no vowels, so that no words come of it.
_HASH = "[bcdfghjklmnpqrstvwxz2456789]"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a container ended.

    Attributes:
        reason: Kubernetes' word, such as ``OOMKilled`` or ``Error``.
        report: What the server left behind: reason, message, frames, exception.
        at: When.
    """

    code: int
    reason: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod of a service.

    Attributes:
        revision: Whose pod it is.
        asks: What its containers ask for together, by resource: a namespace may give sizes, and a
            mesh containers.
        scheduled: Whether it has a node.
        unschedulable: The scheduler's words where it has none; with ``since``.
        waiting: Why its container does not run, in Kubernetes' word; with ``waiting_message``.
        running: Whether its container runs.
        ready: Whether it takes requests.
        started_up: Whether its start has come to its end.
        was_ready: Whether it takes requests, or did since its container runs.
        container_ready: What the kubelet said last; differs from ``ready`` where a node is lost.
        lacks: What its node waits for beside our container: a readiness gate, or a sidecar.
        ended: How its container ended last; None where it never did.
        failed: Why the pod as a whole is given up, such as ``Evicted``; with ``failed_message``.
        failed_at: When that was; None where it is not known.
        terminating: Whether it is on its way out.
    """

    name: str
    uid: str
    revision: int
    asks: Mapping[str, float] = field(default_factory=dict)
    node: str = ""
    created: datetime | None = None
    scheduled: bool = False
    unschedulable: str = ""
    since: datetime | None = None
    waiting: str = ""
    waiting_message: str = ""
    running: bool = False
    started: datetime | None = None
    ready: bool = False
    started_up: bool = False
    was_ready: bool = False
    container_ready: bool = False
    lacks: str = ""
    restarts: int = 0
    ended: Ended | None = None
    failed: str = ""
    failed_message: str = ""
    failed_at: datetime | None = None
    terminating: bool = False


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The Deployment of a service.

    Attributes:
        revision: Revision that was applied last.
        pods_revision: Revision that its pods are labelled with.
        wanted: Pods that shall be.
        settled: Whether the controller has seen the last change.
        complete: Whether the newest revision has been up in full once.
        refused: Why pods cannot be created: quota, admission.
        overdue: Whether the progress deadline is over.
    """

    uid: str
    revision: int
    pods_revision: int
    wanted: int
    settled: bool
    complete: bool
    refused: str = ""
    overdue: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to an object."""

    kind: str
    name: str
    uid: str
    type: str
    reason: str
    message: str
    count: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Node:
    """What one node has for pods.

    Attributes:
        allocatable: Resource to amount, as Kubernetes quantities.
        taints: What keeps pods away.
        elastic: Whether a cloud has made it, and may make others.
    """

    name: str
    allocatable: dict[str, str]
    taints: tuple[Taint, ...] = ()
    elastic: bool = False


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All that is seen of a service.

    Attributes:
        workload: None where there is no Deployment.
        pods: Its pods, the oldest first.
        events: What happened to it and its pods, the oldest first.
        nodes: None where they may not be looked at.
    """

    workload: Workload | None
    pods: tuple[Pod, ...] = ()
    events: tuple[Event, ...] = ()
    nodes: tuple[Node, ...] | None = None

    def events_of(self, pod: Pod) -> list[Event]:
        """Return what happened to a pod."""
        return [event for event in self.events if event.uid == pod.uid]

    @property
    def standing(self) -> list[Pod]:
        """The pods but those that are given up, which Kubernetes keeps to be looked at."""
        return [pod for pod in self.pods if not pod.failed]


def refuses(item: Object) -> bool:
    """Whether pods of a Deployment were refused, of the newest revision or of one before."""
    return _conditions(item).get("ReplicaFailure", {}).get("status") == "True"


def workload_of(item: Object, replica_sets: Iterable[Object] | None = None) -> Workload:
    """Read a Deployment.

    Args:
        item: The Deployment.
        replica_sets: What is there of its ReplicaSets, where its pods are refused: the words of the
            newest count, as the Deployment keeps those of the first that was refused.
    """
    meta, spec, status = item["metadata"], item["spec"], item.get("status", {})
    conditions = _conditions(item)
    progressing = conditions.get("Progressing", {})
    owned = [each for each in replica_sets or () if _is_owned(each, meta["uid"])]
    if owned:
        conditions = _conditions(max(owned, key=_turn))
    refused = conditions.get("ReplicaFailure", {})
    labels = spec["template"]["metadata"].get("labels", {})
    settled = status.get("observedGeneration", 0) >= meta["generation"]
    return Workload(
        uid=meta["uid"],
        revision=_number(meta.get("annotations", {}), naming.REVISION),
        pods_revision=_number(labels, naming.REVISION),
        wanted=spec.get("replicas", 1),
        settled=settled,
        complete=settled and progressing.get("reason") == "NewReplicaSetAvailable",
        refused=refused.get("message", "") if refused.get("status") == "True" else "",
        overdue=progressing.get("reason") == "ProgressDeadlineExceeded",
    )


def pod_of(item: Object) -> Pod:
    """Read a Pod."""
    meta, status = item["metadata"], item.get("status", {})
    conditions = _conditions(item)
    placed, ready = conditions.get("PodScheduled", {}), conditions.get("Ready", {})
    statuses = [s for s in status.get("containerStatuses", []) if s["name"] == CONTAINER]
    container = statuses[0] if statuses else {}
    state = container.get("state", {})
    waiting, running = state.get("waiting", {}), state.get("running", {})
    started, turned = _time(running.get("startedAt")), _time(ready.get("lastTransitionTime"))
    is_ready = ready.get("status") == "True"
    ended = state.get("terminated") or container.get("lastState", {}).get("terminated")
    # A server that ends well while its pod is put out leaves a pod that has "succeeded".
    phase, terminating = status.get("phase"), "deletionTimestamp" in meta
    given_up = phase == "Failed" or (phase == "Succeeded" and not terminating)
    lacking = placed.get("reason") in ("Unschedulable", "SchedulerError")
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        revision=_number(meta.get("labels", {}), naming.REVISION),
        asks=_asked(item.get("spec", {})),
        node=item.get("spec", {}).get("nodeName", ""),
        created=_time(meta.get("creationTimestamp")),
        scheduled=placed.get("status") == "True",
        unschedulable=placed.get("message", "") if lacking else "",
        since=_time(placed.get("lastTransitionTime")),
        waiting=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        running=bool(running),
        started=started,
        ready=is_ready,
        started_up=bool(running) and container.get("started", False),
        was_ready=is_ready or bool(started and turned and turned > started),
        container_ready=container.get("ready", False),
        lacks=ready.get("message", "") if ready.get("reason") in _NODE_WAITS else "",
        restarts=container.get("restartCount", 0),
        ended=_ended(ended) if ended else None,
        failed=(status.get("reason") or phase) if given_up else "",
        failed_message=status.get("message", "") if given_up else "",
        failed_at=_failed_at(ready, ended or {}) if given_up else None,
        terminating=terminating,
    )


def event_of(item: Object) -> Event:
    """Read an Event."""
    about = item["involvedObject"]
    series = item.get("series") or {}
    at = series.get("lastObservedTime") or item.get("lastTimestamp") or item.get("eventTime")
    return Event(
        kind=about.get("kind", ""),
        name=about.get("name", ""),
        uid=about.get("uid", ""),
        type=item.get("type", "Normal"),
        reason=item.get("reason", ""),
        message=item.get("message", ""),
        count=series.get("count") or item.get("count") or 1,
        at=_time(at or item["metadata"]["creationTimestamp"]) or datetime.fromtimestamp(0, UTC),
    )


def node_of(item: Object) -> Node:
    """Read a Node."""
    provider = item.get("spec", {}).get("providerID", "")
    return Node(
        name=item["metadata"]["name"],
        allocatable=dict(item.get("status", {}).get("allocatable", {})),
        taints=tuple(
            Taint(key=each["key"], value=each.get("value", ""), effect=each["effect"])
            for each in item.get("spec", {}).get("taints") or ()
        ),
        elastic=bool(provider) and not provider.startswith(_FIXED_NODES),
    )


def observe(
    name: str,
    *,
    deployments: Iterable[Object],
    pods: Iterable[Object],
    events: Iterable[Object],
    nodes: Iterable[Object] | None = None,
    replica_sets: Iterable[Object] | None = None,
) -> Observation:
    """Pick out what belongs to a service.

    Args:
        name: The service.
        deployments: Those of the namespace that are ours.
        pods: Likewise.
        events: All of the namespace.
        nodes: Where they may be looked at.
        replica_sets: See `workload_of`.
    """
    found = [each for each in deployments if each["metadata"]["name"] == name]
    seen = sorted(
        (
            pod_of(each)
            for each in pods
            if each["metadata"].get("labels", {}).get(naming.NAME) == name
        ),
        key=lambda pod: (pod.created or datetime.fromtimestamp(0, UTC), pod.name),
    )
    told = sorted(
        (
            event_of(each)
            for each in events
            if _belongs(each.get("involvedObject", {}).get("name", ""), name)
        ),
        key=lambda event: event.at,
    )
    return Observation(
        workload=workload_of(found[0], replica_sets) if found else None,
        pods=tuple(seen),
        events=tuple(told),
        nodes=None if nodes is None else tuple(node_of(each) for each in nodes),
    )


def _conditions(item: Object) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in item.get("status", {}).get("conditions", [])}


def _is_owned(replica_set: Object, uid: str) -> bool:
    owners = replica_set["metadata"].get("ownerReferences") or ()
    return any(each["uid"] == uid for each in owners)


def _turn(replica_set: Object) -> int:
    """Return when a Deployment took a ReplicaSet last: its own count."""
    return _number(replica_set["metadata"].get("annotations", {}), _TURN)


def _asked(spec: Object) -> Mapping[str, float]:
    from kubernetes.utils import parse_quantity

    asked: dict[str, float] = {}
    sidecars = [each for each in spec.get("initContainers", []) if "restartPolicy" in each]
    for container in [*spec.get("containers", []), *sidecars]:
        for resource, amount in container.get("resources", {}).get("requests", {}).items():
            asked[resource] = asked.get(resource, 0.0) + float(parse_quantity(amount))
    return asked


def _belongs(about: str, name: str) -> bool:
    """Whether an event's object is the service's, or was made for it: its name tells."""
    made = re.fullmatch(rf"{re.escape(name)}-{_HASH}{{6,10}}(-{_HASH}{{5}})?", about)
    return about == name or made is not None


def _failed_at(ready: Mapping[str, Any], ended: Mapping[str, Any]) -> datetime | None:
    """Say when a pod was given up: a kubelet that did not see its container end tells no time."""
    by_kubelet = ready.get("lastTransitionTime") if ready.get("reason") == "PodFailed" else None
    return _time(ended.get("finishedAt") or by_kubelet)


def _ended(state: Mapping[str, Any]) -> Ended:
    return Ended(
        code=state.get("exitCode", 0),
        reason=state.get("reason", ""),
        report=_report(state.get("message", "")),
        at=_time(state.get("finishedAt")),
    )


def _report(text: str) -> dict[str, Any]:
    """Read what the server wrote when it failed; empty where it wrote nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "reason" in found else {}


def _number(labels: Mapping[str, str], key: str) -> int:
    text = labels.get(key, "")
    return int(text) if text.isdigit() else 0


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
