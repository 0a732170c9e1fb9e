"""Where a service is reached, and what kind of address that is."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.targets.kubernetes.forwarding import Forwarder
from mlmagic.targets.kubernetes.kubeconfig import in_cluster
from mlmagic.targets.kubernetes.objects import DEFAULT_PORT
from mlmagic.targets.kubernetes.release import config_of

if TYPE_CHECKING:
    from mlmagic.entities import KubernetesDeploymentConfig, ServiceRecord
    from mlmagic.targets.kubernetes.cluster import Cluster
    from mlmagic.targets.kubernetes.connection import Connection, Object

_REACHED_SECONDS = 1.0
_FOUND_SECONDS, _MISSED_SECONDS = 30.0, 2.0
FORWARD = "port-forward of this process, over the API server"


@dataclass(frozen=True)
class Address:
    """One address of a service.

    Attributes:
        uri: Without a path.
        kind: What it leads through.
    """

    uri: str
    kind: str


class Addresses:
    """Where services are reached from this process; port-forwards are kept open, one for each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Address | None]] = {}
        self._forwarders: dict[str, Forwarder] = {}

    def of(self, cluster: Cluster, record: ServiceRecord, *, settled: bool) -> Address | None:
        """Return the address of a service; None while no pod takes requests.

        Args:
            cluster: Where it runs.
            record: The service.
            settled: Whether its objects are as they shall be; what is found then is kept a while.

        Raises:
            TargetUnavailableError: The cluster does not answer.
        """
        if not cluster.ready_pods(record.name):
            return None
        found = self._find(cluster, record, settled=settled)
        if found is not None:
            return found
        port = self._forwarder(cluster, record.name).port
        return Address(f"http://127.0.0.1:{port}", FORWARD)

    def look_again(self, name: str) -> None:
        """Do not believe any more what was found for a service."""
        self._known.pop(name, None)

    def forget(self, name: str) -> None:
        """Forget a service, and end its port-forward."""
        self.look_again(name)
        with self._lock:
            forwarder = self._forwarders.pop(name, None)
        if forwarder is not None:
            forwarder.close()

    def close(self) -> None:
        """End all port-forwards."""
        for name in list(self._forwarders):
            self.forget(name)

    def _find(self, cluster: Cluster, record: ServiceRecord, *, settled: bool) -> Address | None:
        at, address = self._known.get(record.name, (0.0, None))
        kept = _FOUND_SECONDS if settled and address is not None else _MISSED_SECONDS
        if time.monotonic() - at > kept:
            address = find_address(cluster.connection, record.name, config_of(record.spec))
            self._known[record.name] = time.monotonic(), address
        return address

    def _forwarder(self, cluster: Cluster, name: str) -> Forwarder:
        with self._lock:
            if name not in self._forwarders:
                self._forwarders[name] = Forwarder(
                    cluster.connection, lambda: cluster.ready_pods(name)
                )
            return self._forwarders[name]


def find_address(
    connection: Connection, name: str, config: KubernetesDeploymentConfig
) -> Address | None:
    """Return the best address that reaches the service from here; None leaves a port-forward.

    In this order: the host of an Ingress or Gateway, a load balancer, a node's port that answers,
    and inside the cluster the Service itself.
    """
    if config.ingress_host is not None:
        secure = config.ingress_tls_secret is not None
        kind = "Gateway" if config.gateway else "Ingress"
        if _answers(config.ingress_host, 443 if secure else 80):
            return Address(f"{'https' if secure else 'http'}://{config.ingress_host}", kind)
    service = connection.get("Service", name)
    if service is None:
        return None
    port = config.port or DEFAULT_PORT
    balancer = _balancer(service)
    if balancer is not None and _answers(balancer, port):
        return Address(_uri(balancer, port), "load balancer")
    if config.service_type != "ClusterIP" and (address := _node_port(connection, service)):
        return address
    if in_cluster():
        # Where the cluster has no DNS, the address of the Service does.
        for host in (f"{name}.{connection.namespace}.svc", service["spec"].get("clusterIP", "")):
            if host and _answers(host, port):
                return Address(_uri(host, port), "Service of the cluster")
    return None


def _balancer(service: Object) -> str | None:
    found = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return (found[0].get("hostname") or found[0].get("ip")) if found else None


def _node_port(connection: Connection, service: Object) -> Address | None:
    from mlmagic.errors import TargetError

    port = service["spec"]["ports"][0].get("nodePort")
    if port is None:
        return None
    try:
        nodes, _ = connection.list("Node")
    except TargetError:
        return None  # nodes may not be looked at
    for node in nodes:
        for each in node.get("status", {}).get("addresses", []):
            if each["type"] in ("ExternalIP", "InternalIP") and _answers(each["address"], port):
                return Address(_uri(each["address"], port), "node port")
    return None


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_REACHED_SECONDS):
            return True
    except OSError:
        return False


def _uri(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}" if port == DEFAULT_PORT else f"http://{shown}:{port}"
