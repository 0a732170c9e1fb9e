"""The scheduler's words, and those of quotas, in ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic import options
from mlmagic.entities import Reason
from mlmagic.targets.kubernetes import taints
from mlmagic.targets.kubernetes.faults import way_out
from mlmagic.targets.kubernetes.release import DISK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.entities import KubernetesDeploymentConfig
    from mlmagic.targets.kubernetes.observing import Node, Pod

_LACKING = re.compile(r"(?P<count>\d+) (?P<what>Insufficient (?P<resource>[\w./-]*\w)|[^,.]+)")
_UNLIKE = re.compile(r"(?P<count>\d+) node\(s\) didn't match Pod's node affinity/selector")
_KEPT = re.compile(r"\d+ node\(s\) (had untolerated taint(\(s\)| \{[^}]*\})|were unschedulable)")
_GIB = 2**30


def unschedulable(
    pod: Pod, config: KubernetesDeploymentConfig, nodes: Sequence[Node] | None
) -> tuple[Reason, str, str]:
    """Say why a pod finds no node.

    Args:
        pod: It; the scheduler says such as ``0/1 nodes are available: 1 Insufficient cpu. …``.
        config: Which nodes were asked for.
        nodes: The nodes, where they may be looked at.

    Returns:
        The reason, words, and the next step; empty where the reason's own says it.
    """
    said = pod.unschedulable
    causes = said.partition(": ")[2].partition(" preemption:")[0] or said
    causes = causes.removesuffix(" no new claims to deallocate,").strip().rstrip(".")
    found = [match for match in _LACKING.finditer(causes) if match["resource"]]
    if found:
        resource = max(found, key=lambda match: int(match["count"]))["resource"]
        wanted = pod.asks.get(resource, 0.0)
        room = [node for node in nodes or () if _has(node, resource) >= wanted]
        kept, tolerating = taints.keeping_away("", config.tolerations, room)
        words = [_words(resource, wanted, config, nodes), *kept]
        way_out = _deploy_with(tolerating)
        if resource == DISK and not way_out:
            way_out = "Deploy with less: --ephemeral-storage; or ask who runs the cluster"
        return _reason(resource), "; ".join(words), way_out
    words, tolerating = [], ""
    if _KEPT.search(causes):
        words, tolerating = taints.keeping_away(causes, config.tolerations, nodes)
        causes = _KEPT.sub("", causes) if words else causes
    if (unlike := _UNLIKE.search(causes)) is not None and config.node_selector:
        labels = ", ".join(f"{key}={value}" for key, value in config.node_selector.items())
        words.append(f"the labels '{labels}' are missing on {taints.counted(int(unlike['count']))}")
        causes = _UNLIKE.sub("", causes)
    words += [cause for each in causes.split(", ") if (cause := each.strip())]
    text = f"no node takes the pod: {', '.join(words)}"
    return Reason.NO_NODE, text, _deploy_with(tolerating)


def refused(said: str) -> tuple[Reason, str, str]:
    """Say why pods may not be created.

    Args:
        said: Such as ``pods "svc-…" is forbidden: exceeded quota: …``.

    Returns:
        The reason, words, and the next step; empty where the reason's own says it.
    """
    words = said.partition(" is forbidden: ")[2] or said
    quota = re.search(
        r"exceeded quota: (?P<name>[^,]+), requested: (?P<asked>.+), used: (?P<used>.+), "
        r"limited: (?P<limit>.+)",
        words,
    )
    if quota is not None:
        words = (
            f"quota '{quota['name']}' allows {quota['limit']}, of which {quota['used']} is used; "
            f"a pod asks for {quota['asked']}"
        )
        return Reason.QUOTA, words, ""
    return Reason.REFUSED, words.strip(), way_out(words)


def _reason(resource: str) -> Reason:
    known = {
        "cpu": Reason.INSUFFICIENT_CPU,
        "memory": Reason.INSUFFICIENT_MEMORY,
        DISK: Reason.NO_NODE,
    }
    return known.get(resource, Reason.INSUFFICIENT_ACCELERATOR)


def _deploy_with(tolerating: str) -> str:
    return f"Deploy with {tolerating}, or ask who runs the cluster" if tolerating else ""


def _has(node: Node, resource: str) -> float:
    return float(options.parse_quantity(node.allocatable.get(resource, "0")))


def _words(
    resource: str, wanted: float, config: KubernetesDeploymentConfig, nodes: Sequence[Node] | None
) -> str:
    text = f"{_amount(resource, wanted)} asked for by a pod"
    if nodes is None:
        return f"{text}, no node has that free"
    # What a taint keeps away is no room.
    open_ = [node for node in nodes if not taints.untolerated(node, config.tolerations)]
    largest = max((_has(node, resource) for node in open_), default=0.0)
    if not largest:
        open_node = "node" if len(open_) == len(nodes) else "node that takes it"
        return f"{text}, no {open_node} has any"
    if wanted > largest:
        return f"{text}, the largest node has {_amount(resource, largest)}"
    return f"{text}, no node has that free now (the largest has {_amount(resource, largest)})"


def _amount(resource: str, number: float) -> str:
    match resource:
        case "cpu":
            return f"{number:g} CPUs" if number != 1 else "1 CPU"
        case "memory" | "ephemeral-storage":
            size = f"{number / 2**20:.0f} MiB" if number < _GIB else f"{number / _GIB:.1f} GiB"
            return size if resource == "memory" else f"{size} of disk"
        case _:
            return f"{number:g} '{resource}'"
