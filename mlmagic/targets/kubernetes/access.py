"""Where a service is reached, and what kind of address that is."""

from __future__ import annotations

import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakSet

from mlmagic.addresses import connection_to
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.forwarding import GRACE_SECONDS, Forwarder
from mlmagic.targets.kubernetes.kubeconfig import in_cluster
from mlmagic.targets.kubernetes.objects import DEFAULT_PORT
from mlmagic.targets.kubernetes.release import config_of
from mlmagic.targets.kubernetes.securing import HTTPS_PORT, ends_tls, tls_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmagic.entities import KubernetesDeploymentConfig, ServiceRecord
    from mlmagic.targets.kubernetes.cluster import Cluster
    from mlmagic.targets.kubernetes.connection import Connection, Object, Place

    ForwardKey = tuple[Place, str, str, str]

_REACHED_SECONDS = 2.0
_AT_ONCE = 16
_FOUND_SECONDS, _MISSED_SECONDS = 30.0, 2.0
_MISSED_TIMES = 10.0  # what took long is not looked for each time: firewalls let us wait
FORWARD = "port-forward of this process, over the API server"
# Of the whole process: a notebook's magics and its code have a workspace object each.
_forwarders: dict[ForwardKey, Forwarder] = {}
_forwarders_lock = threading.Lock()


@dataclass(frozen=True)
class Address:
    """One address of a service.

    Attributes:
        uri: Without a path.
        kind: What it leads through.
    """

    uri: str
    kind: str


@dataclass(frozen=True)
class _Known:
    """What was found for a service.

    Attributes:
        at: When it was looked for.
        took: How long that took.
        settled: Whether the service's objects were as they shall be.
        address: What was found.
    """

    at: float = 0.0
    took: float = 0.0
    settled: bool = False
    address: Address | None = None


class Addresses:
    """Where services are reached from this process.

    A port-forward is opened where there is nothing else: one for each service of a cluster in this
    process, whoever asks. It lives as long as any handle that asked, and a while longer.

    Args:
        place: The cluster, as it was named.

    Attributes:
        grace: Seconds that a port-forward stays that no handle needs any more.
    """

    def __init__(self, place: Place) -> None:
        self.grace = GRACE_SECONDS
        self._place = place
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._holders: dict[str, WeakSet[object]] = {}
        self._keys: dict[str, ForwardKey] = {}

    def hold(self, name: str, holder: object) -> None:
        """Keep what `of` opens for a service, now or later, for as long as an object lives."""
        with self._lock:
            self._holders.setdefault(name, WeakSet()).add(holder)

    def release(self, name: str, holder: object) -> None:
        """Close what nobody but this object needs."""
        with self._lock:
            self._holders.get(name, WeakSet()).discard(holder)
            forwarder = _forwarders.get(self._keys[name]) if name in self._keys else None
        if forwarder is not None:
            forwarder.release(holder)

    def of(self, cluster: Cluster, record: ServiceRecord, *, settled: bool) -> Address | None:
        """Return the address of a service; None while no pod takes requests.

        Args:
            cluster: Where it runs.
            record: The service.
            settled: Whether its objects are as they shall be; what is found then is kept a while.

        Raises:
            TargetError: The cluster does not answer, or not what has to be known for an address.
        """
        if not cluster.ready_pods(record.name):
            return None
        found = self._find(cluster, record, settled=settled)
        if found is not None:
            return found
        return Address(f"http://127.0.0.1:{self._forward(cluster, record.name)}", FORWARD)

    def look_again(self, name: str) -> None:
        """Do not believe any more what was found for a service."""
        self._known.pop(name, None)

    def forget(self, name: str) -> None:
        """Forget a service, and end its port-forward."""
        self.look_again(name)
        with self._lock:
            key = self._keys.pop(name, None)
        with _forwarders_lock:
            forwarder = _forwarders.pop(key, None) if key else None
        if forwarder is not None:
            forwarder.close()

    def close(self) -> None:
        """End all port-forwards."""
        for name in list(self._keys):
            self.forget(name)

    def _find(self, cluster: Cluster, record: ServiceRecord, *, settled: bool) -> Address | None:
        known = self._known.setdefault(record.name, _Known())
        kept = _FOUND_SECONDS if settled else _MISSED_SECONDS
        if known.address is None:
            kept = min(max(_MISSED_SECONDS, _MISSED_TIMES * known.took), _FOUND_SECONDS)
        began = time.monotonic()
        if began - known.at <= kept and known.settled >= settled:
            return known.address
        address = find_address(cluster.connection, record.name, config_of(record.spec))
        now = time.monotonic()
        if self._known.get(record.name) is known:  # else nobody shall believe it any more
            self._known[record.name] = _Known(now, now - began, settled, address)
        return address

    def _forward(self, cluster: Cluster, name: str) -> int:
        """Return the port that leads to a service: the one that is open, or was the last time."""
        connection = cluster.connection
        key = (self._place, connection.host, connection.namespace, name)
        with self._lock:
            self._keys[name] = key
            holders = tuple(self._holders.get(name, ()))
        with _forwarders_lock:
            forwarder = _forwarders.get(key)
            if forwarder is None or not forwarder.hold(holders):
                forwarder = _forwarders[key] = Forwarder(
                    connection,
                    lambda: cluster.ready_pods(name),
                    port=forwarder.port if forwarder is not None else 0,
                    grace=self.grace,
                )
                forwarder.hold(holders)
            return forwarder.port


def find_address(
    connection: Connection, name: str, config: KubernetesDeploymentConfig
) -> Address | None:
    """Return the best address that reaches the service from here; None leaves a port-forward.

    In this order: the address that was given, the host of an Ingress or Gateway, a load balancer, a
    node's port that answers, and inside the cluster the Service itself. Where something before the
    service ends TLS, no plain address from outside is one: keys would go by it.
    """
    tls: dict[str, bool] = {}
    for kind, uris in _candidates(connection, name, config, tls):
        if (uri := _first(uris, tls)) is not None:
            return Address(uri, kind)
    return None


def _candidates(
    connection: Connection, name: str, config: KubernetesDeploymentConfig, tls: dict[str, bool]
) -> Iterator[tuple[str, list[str]]]:
    """Yield what may be asked, the best first; ``tls`` is what was seen of those before."""
    given, host = config.external_address, config.ingress_host
    if given is not None:
        yield "given address", [given]
    # Objects get their annotations later.
    told = ends_tls({"metadata": {"annotations": config.annotations}})
    secure = told or (given or "").startswith("https:")
    if host is not None:
        kind = "Gateway" if config.gateway else "Ingress"
        tls_at, unread = None, False
        try:
            tls_at = tls_port(connection, name, config)
        except ForbiddenError:
            unread = True
        by_tls = _uri(host, tls_at or HTTPS_PORT, tls=True)
        yield kind, [by_tls]
        secure = secure or tls_at is not None or tls.get(by_tls, unread)
        if not secure:
            yield kind, [_uri(host, DEFAULT_PORT)]
    service = connection.get("Service", name)
    if service is None:
        return
    port = config.port or DEFAULT_PORT
    by_port = told or ends_tls(service) or port == HTTPS_PORT
    secure = secure or by_port
    balancer = _balancer(service)
    if balancer is not None and (by_port or not secure):
        yield "load balancer", [_uri(balancer, port, tls=by_port)]
    if config.service_type != "ClusterIP" and not secure:
        yield "node port", _node_ports(connection, service)
    if in_cluster():
        # Where the cluster has no DNS, the address of the Service does.
        hosts = f"{name}.{connection.namespace}.svc", service["spec"].get("clusterIP", "")
        yield "Service of the cluster", [_uri(each, port) for each in hosts if each]


def _balancer(service: Object) -> str | None:
    found = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return (found[0].get("hostname") or found[0].get("ip")) if found else None


def _node_ports(connection: Connection, service: Object) -> list[str]:
    from mlmagic.errors import TargetError

    port = service["spec"]["ports"][0].get("nodePort")
    if port is None:
        return []
    try:
        nodes, _ = connection.list("Node")
    except TargetError:
        return []  # nodes may not be looked at
    return [
        _uri(each["address"], port)
        for node in nodes
        for each in node.get("status", {}).get("addresses", [])
        if each["type"] in ("ExternalIP", "InternalIP")
    ]


def _first(uris: Sequence[str], tls: dict[str, bool]) -> str | None:
    """Return the first that answers; as many as there may be are asked at once."""
    if not uris:
        return None
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = pool.map(partial(_answers, tls=tls), uris[:_AT_ONCE])
        return next((uri for uri, there in zip(uris, answers, strict=False) if there), None)


def _answers(uri: str, tls: dict[str, bool]) -> bool:
    """Whether it is a scoring server that answers there, not just anybody; no key is shown.

    Args:
        uri: Where to ask.
        tls: Gets whether anything ends TLS there, as far as that is seen: not where nobody answers.
    """
    try:
        with closing(connection_to(uri, seconds=_REACHED_SECONDS)) as asked:
            asked.connect()
            tls[uri] = uri.startswith("https:")
            asked.request("GET", f"{urlsplit(uri).path}/live")
            answer = asked.getresponse()
            return answer.status == HTTPStatus.OK and json.loads(answer.read())["live"] is True
    except ssl.SSLError:
        tls[uri] = True  # by a certificate that we do not trust, say
    except ConnectionRefusedError:
        tls[uri] = False
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        pass
    return False


def _uri(host: str, port: int, *, tls: bool = False) -> str:
    shown = f"[{host}]" if ":" in host else host
    usual = HTTPS_PORT if tls else DEFAULT_PORT
    return f"{'https' if tls else 'http'}://{shown}" + (f":{port}" if port != usual else "")
