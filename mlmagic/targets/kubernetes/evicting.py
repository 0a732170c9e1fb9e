"""Why the kubelet put a pod out, in our words."""

from __future__ import annotations

import re

_OWN_LIMIT = re.compile(
    r"(?:ephemeral storage|ephemeral local storage|EmptyDir).*? limit (?:of containers )?"
    r'"?(?P<limit>[^"\s]+?)"?\. '
)
_PRESSURE = re.compile(
    r"low on resource: (?P<what>[\w-]+)\.|had condition: \[(?P<condition>\w+)[^]]*\]"
)
_CONDITIONS = {
    "MemoryPressure": "memory",
    "DiskPressure": "ephemeral-storage",
    "PIDPressure": "pids",
}
_USED = re.compile(r"was using (?P<used>\S+), request is (?P<asked>\S+),")
_ROOMS = {
    "memory": ("memory", "Ask for as much as it uses, so that a node has it: --memory"),
    "ephemeral-storage": ("disk space", "Let the script write less to /tmp, and deploy again"),
    "inodes": ("inodes", "Let the script write fewer files to /tmp, and deploy again"),
    "pids": ("process numbers", "Let the script start fewer processes, and deploy again"),
}
_LIMITED = (
    "Let the script write less to /tmp and to its log, or deploy with more: --ephemeral-storage; "
    "without it, a LimitRange of the namespace sets the limit of 'ephemeral-storage'"
)


def eviction(said: str, pod: str, node: str) -> tuple[str, str]:
    """Say why a pod was put out, and what to do.

    Args:
        said: Such as ``Pod ephemeral local storage usage exceeds the total limit of containers
            10Mi.``, ``The node was low on resource: memory. …``, or where the kubelet began anew
            and does not take the pod again ``The node had condition: [DiskPressure].``.
        pod: Its name.
        node: Where it ran.

    Returns:
        Words, and the next step; empty where the reason is not known.
    """
    if (own := _OWN_LIMIT.search(f"{said} ")) is not None:
        return f"pod '{pod}' wrote more than the '{own['limit']}' that it may", _LIMITED
    pressure = _PRESSURE.search(said)
    what = (pressure["what"] or _CONDITIONS.get(pressure["condition"], "")) if pressure else ""
    if what not in _ROOMS:
        return said.strip(), ""
    room, way_out = _ROOMS[what]
    words = f"node '{node}' ran out of {room} and put pod '{pod}' out"
    if (used := _USED.search(said)) is not None:
        words += f", which used {used['used']} and had asked for {used['asked']}"
    return words, way_out
