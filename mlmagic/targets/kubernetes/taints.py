"""Taints of nodes: which of them a pod does not tolerate, in words, and what lets it there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlmagic.targets.kubernetes.observing import Node

# Kubernetes' own, which nobody should tolerate to get a service up.
_CONDITIONS = {
    "node.kubernetes.io/unschedulable": "closed for new pods (cordoned)",
    "node.kubernetes.io/not-ready": "not ready",
    "node.kubernetes.io/unreachable": "not reachable",
    "node.kubernetes.io/network-unavailable": "without a network",
    "node.kubernetes.io/memory-pressure": "short of memory",
    "node.kubernetes.io/disk-pressure": "short of disk space",
    "node.kubernetes.io/pid-pressure": "short of process numbers",
    "node-role.kubernetes.io/control-plane": "kept for the control plane",
}
_EFFECTS = ("NoSchedule", "NoExecute")
# Up to Kubernetes 1.33 the scheduler names them, for each node the first.
_SAID = re.compile(
    r"(?P<count>\d+) node\(s\) had untolerated taint \{(?P<key>.+?): (?P<value>.*?)\}"
)
_HIDDEN = re.compile(r"(?P<count>\d+) node\(s\) had untolerated taint\(s\)")


@dataclass(frozen=True, kw_only=True)
class Taint:
    """What keeps pods off a node, but those that tolerate it.

    Attributes:
        value: None where any is meant.
        effect: Empty where any is meant, or it is not known.
    """

    key: str
    value: str | None
    effect: str

    def __str__(self) -> str:
        value = f"={self.value}" if self.value else ""
        return f"{self.key}{value}" + (f":{self.effect}" if self.effect else "")


def parse(text: str) -> Taint:
    """Read ``KEY[=VALUE][:EFFECT]``, as it is given and as it is told.

    Args:
        text: Such as ``dedicated=ml:NoSchedule``.

    Returns:
        The taint; without ``=`` its value is None, any; without ``:`` its effect is empty, any.
    """
    taint, _, effect = text.partition(":")
    key, equals, value = taint.partition("=")
    return Taint(key=key, value=value if equals else None, effect=effect)


def untolerated(node: Node, tolerations: Iterable[str]) -> list[Taint]:
    """Return the taints of a node that keep a pod away."""
    tolerated = [parse(text) for text in tolerations]
    return [
        taint
        for taint in node.taints
        if taint.effect in _EFFECTS and not any(_covers(each, taint) for each in tolerated)
    ]


def keeping_away(
    said: str, tolerations: Sequence[str], nodes: Sequence[Node] | None
) -> tuple[list[str], str]:
    """Say which taints keep a pod from nodes.

    Args:
        said: The scheduler's causes.
        tolerations: What the pod tolerates.
        nodes: The nodes, where they may be looked at.

    Returns:
        Words, and the options that let it there; empty where that is not ours to say.
    """
    counts: dict[Taint, int] = {}
    for node in nodes or ():
        for taint in untolerated(node, tolerations):
            counts[taint] = counts.get(taint, 0) + 1
    if not counts:
        counts = {
            Taint(key=found["key"], value=found["value"], effect=""): int(found["count"])
            for found in _SAID.finditer(said)
        }
    words = [_words(taint, count) for taint, count in counts.items()]
    hidden = _HIDDEN.search(said) if not counts else None
    if hidden is not None:
        words = [f"taints that it does not tolerate keep it off {counted(int(hidden['count']))}"]
        return words, "--toleration KEY=VALUE:EFFECT"
    known = [each for each in counts if each.key not in _CONDITIONS]
    return words, " ".join(f"--toleration {each}" for each in known)


def _covers(toleration: Taint, taint: Taint) -> bool:
    return (
        toleration.key == taint.key
        and toleration.value in (None, taint.value)
        and toleration.effect in ("", taint.effect)
    )


def _words(taint: Taint, count: int) -> str:
    condition = _CONDITIONS.get(taint.key)
    if condition is not None:
        return f"{counted(count)} {'is' if count == 1 else 'are'} {condition}"
    return f"the taint '{taint}' keeps it off {counted(count)}"


def counted(count: int) -> str:
    """Return a number of nodes in words."""
    return f"{count} node" if count == 1 else f"{count} nodes"
