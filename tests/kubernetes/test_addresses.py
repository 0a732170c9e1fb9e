"""One service, reached in every way there is: the best that works is taken, and named."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from mlmagic.services.static_view import render_text
from mlmagic.testing.contract import SECONDS, until
from tests.kubernetes.conftest import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes


def reached(kit: ServiceKit, kind: str, **config: Any) -> str:
    """Bring the service to a configuration; return its address once it is of that kind."""
    service = kit.services.submit(kit.spec(**config))
    service.wait_for_deployment(timeout_sec=SECONDS)
    until(lambda: service.address_kind == kind)
    assert service.run([1]) == [1]
    assert f"reached by   {kind}" in render_text(service.snapshot())
    return str(service.internal_uri)


def test_a_port_is_forwarded_where_there_is_nothing_else(shared_kit: ServiceKit) -> None:
    uri = reached(shared_kit, "port-forward of this process, over the API server")
    assert uri.startswith("http://127.0.0.1:")


def test_a_node_port(shared_kit: ServiceKit, cluster: Cluster) -> None:
    uri = reached(shared_kit, "node port", service_type="NodePort")
    nodes = [
        each.address for node in cluster.core.list_node().items for each in node.status.addresses
    ]
    assert uri.removeprefix("http://").partition(":")[0] in nodes


def test_a_load_balancer_goes_before_a_node_port(shared_kit: ServiceKit, cluster: Cluster) -> None:
    """The address is given by the test, as a cloud's controller would; kube-proxy carries it."""
    reached(shared_kit, "node port", service_type="LoadBalancer")
    target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
    namespace = target.connection.namespace
    address = str(ipaddress.ip_address("198.18.0.1") + secrets.randbelow(60_000))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
    cluster.core.patch_namespaced_service_status("svc", namespace, status)
    target._addresses.look_again("svc")
    assert reached(shared_kit, "load balancer", service_type="LoadBalancer") == (
        f"http://{address}/score"
    )


@pytest.fixture
def front(
    shared_kit: ServiceKit, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Port 80 of an address of this machine that leads to the Service, as a controller's would.

    Returns:
        The host name that resolves to it.
    """
    target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
    behind = cluster.core.read_namespaced_service("svc", target.connection.namespace)
    address = f"127.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}.2"
    listener = socket.create_server((address, 80))
    host = "svc.ingress.example"
    resolve = socket.getaddrinfo

    def resolved(name: Any, *more: Any, **options: Any) -> Any:
        return resolve(address if name == host else name, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(caller: socket.socket) -> None:
        with caller, socket.create_connection((behind.spec.cluster_ip, 80), timeout=30) as pod:
            back = threading.Thread(target=carry, args=(pod, caller))
            back.start()
            carry(caller, pod)
            back.join()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield host
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_an_ingress_goes_before_everything(
    shared_kit: ServiceKit, cluster: Cluster, front: str
) -> None:
    uri = reached(shared_kit, "Ingress", service_type="NodePort", ingress_host=front)
    assert uri == f"http://{front}/score"
    target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
    namespace = target.connection.namespace
    made = client.NetworkingV1Api(cluster.api).read_namespaced_ingress("svc", namespace)
    (rule,) = made.spec.rules
    backend = rule.http.paths[0].backend.service
    assert (rule.host, backend.name, backend.port.name) == (front, "svc", "http")
    # It goes with the option, and what is left is the next best.
    reached(shared_kit, "node port", service_type="NodePort")
    assert client.NetworkingV1Api(cluster.api).list_namespaced_ingress(namespace).items == []


def test_a_gateway_goes_before_everything(
    shared_kit: ServiceKit, cluster: Cluster, front: str
) -> None:
    with known(cluster, "gateway.networking.k8s.io/v1", "HTTPRoute"):
        reached(shared_kit, "Gateway", ingress_host=front, gateway="infra/public")
        target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
        made = target.connection.get("HTTPRoute", "svc")
        assert made["spec"]["parentRefs"][0]["name"] == "public"
        assert made["spec"]["parentRefs"][0]["namespace"] == "infra"
        assert made["spec"]["hostnames"] == [front]
        assert made["spec"]["rules"][0]["backendRefs"][0]["name"] == "svc"
        assert json.dumps(shared_kit.services.get("svc").export()).count("HTTPRoute") == 1
        reached(shared_kit, "port-forward of this process, over the API server")
