"""One namespace of a cluster, and what is seen in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlmagic.errors import TargetError
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.observing import observe, refuses
from mlmagic.targets.kubernetes.watching import Mirror

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.connection import Connection, Object
    from mlmagic.targets.kubernetes.observing import Observation

_NODES_SECONDS = 30.0
_BEHIND_SECONDS, _PAUSE_SECONDS = 5.0, 0.1


class Cluster:
    """What leads to one namespace, with a copy of its objects.

    Args:
        connection: To the API server.

    Attributes:
        connection: The same.
        mirror: The copy, kept true by watches.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.mirror = Mirror(connection)
        self._nodes: tuple[float, list[Object] | None] = (0.0, None)

    def observe(self, service: str) -> Observation:
        """Return all that is seen of a service."""
        pods = self.mirror.read("Pod")
        deployments = self.mirror.read("Deployment")
        refused = any(refuses(each) for each in deployments if each["metadata"]["name"] == service)
        selector = naming.selecting(service)
        return observe(
            service,
            deployments=deployments,
            pods=pods,
            events=self.mirror.read("Event"),
            nodes=self._read_nodes() if _any_pending(pods, service) else None,
            replica_sets=self.connection.list("ReplicaSet", selector)[0] if refused else None,
        )

    def await_deployment(self, service: str) -> None:
        """Make sure that a Deployment is seen where there is one: a watch may be behind."""
        if self.mirror.get("Deployment", service) is not None:
            return
        if self.connection.get("Deployment", service) is None:
            return
        until = time.monotonic() + _BEHIND_SECONDS
        while self.mirror.get("Deployment", service) is None and time.monotonic() < until:
            self.mirror.wait(self.mirror.count, _PAUSE_SECONDS)

    def ready_pods(self, service: str) -> list[str]:
        """Return the names of the pods that take requests now."""
        seen = observe(service, deployments=(), pods=self.mirror.read("Pod"), events=())
        return [pod.name for pod in seen.pods if pod.ready and not pod.terminating]

    def _read_nodes(self) -> list[Object] | None:
        """Return the nodes, where they may be looked at; they change rarely."""
        at, nodes = self._nodes
        if time.monotonic() - at > _NODES_SECONDS:
            try:
                nodes = self.connection.list("Node")[0]
            except TargetError:
                nodes = None
            self._nodes = time.monotonic(), nodes
        return nodes


def _any_pending(pods: list[Object], name: str) -> bool:
    return any(
        each["metadata"].get("labels", {}).get(naming.NAME) == name
        and each.get("status", {}).get("phase") == "Pending"
        for each in pods
    )
