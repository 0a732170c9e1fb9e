"""One service, reached in every way there is: the best that works is taken, and named."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import secrets
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from kubernetes import client

from mlmagic.errors import TargetUnavailableError
from mlmagic.services.scoring_requests import JSON_TYPE, post
from mlmagic.services.static_view import render_text
from mlmagic.targets.kubernetes.forwarding import Forwarder
from mlmagic.testing.contract import SECONDS, until
from tests.certificates import self_signed
from tests.kubernetes.conftest import known

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes


def reached(kit: ServiceKit, kind: str, *, never: str = "", **config: Any) -> str:
    """Bring the service to a configuration; return its address once it is of that kind.

    Args:
        kit: Has the service.
        kind: Through what it leads.
        never: An address that no one may be told from the beginning on.
        config: The configuration.
    """
    service = kit.services.submit(kit.spec(**config))
    told = [service.internal_uri]
    service.wait_for_deployment(timeout_sec=SECONDS)

    def there() -> bool:
        told.append(service.internal_uri)
        return service.address_kind == kind

    until(there)
    assert never not in told
    assert service.run([1]) == [1]
    assert f"reached by   {kind}" in render_text(service.snapshot())
    return str(service.internal_uri)


def test_a_port_is_forwarded_where_there_is_nothing_else(shared_kit: ServiceKit) -> None:
    uri = reached(shared_kit, "port-forward of this process, over the API server")
    assert uri.startswith("http://127.0.0.1:")


def test_a_client_that_comes_while_no_pod_is_ready_is_kept(shared_kit: ServiceKit) -> None:
    """As under load: a pod is not ready for a moment, or the API server does not answer."""
    service = shared_kit.services.get("svc")
    service.wait_for_deployment(timeout_sec=SECONDS)
    (pod,) = (each.name for each in service.status.replicas)
    target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
    asked: list[str] = []
    names: list[str] = []

    def ready() -> list[str]:
        asked.append("")
        if len(asked) == 1:
            raise TargetUnavailableError("The API server does not answer.")
        return names

    forwarder = Forwarder(target.connection, ready)
    with contextlib.closing(forwarder), ThreadPoolExecutor() as pool:
        uri, keys = f"http://127.0.0.1:{forwarder.port}/score", service.get_keys()
        answer = pool.submit(post, uri, b"[1]", JSON_TYPE, key=keys[0], timeout=SECONDS)
        until(lambda: len(asked) > 1 or answer.done())
        names.append(pod)
        assert answer.result().body == b"[1]"


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
    # Before kube-proxy carries it, something else may accept connections there.
    until(lambda: requests.get(f"http://{address}/live", timeout=5).ok)
    target._addresses.look_again("svc")
    assert reached(shared_kit, "load balancer", service_type="LoadBalancer") == (
        f"http://{address}/score"
    )


class Front:
    """What stands before a Service, as a controller would: its ports, and a host name.

    Attributes:
        host: Resolves to its address.
    """

    host = "svc.ingress.example"

    def __init__(self, behind: str) -> None:
        self.address = f"127.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}.2"
        self._behind = behind
        self._open: list[tuple[socket.socket, threading.Thread]] = []

    def listen(self, port: int, context: ssl.SSLContext | None = None) -> None:
        """Lead connections at a port to the Service; by TLS where there is something for it."""
        listener = socket.create_server((self.address, port))
        thread = threading.Thread(target=self._accept, args=(listener, context), daemon=True)
        thread.start()
        self._open.append((listener, thread))

    def close(self) -> None:
        while self._open:
            listener, thread = self._open.pop()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()

    def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller = (listener.accept()[0], context)
                threading.Thread(target=self._serve, args=caller, daemon=True).start()

    def _serve(self, caller: socket.socket, context: ssl.SSLContext | None) -> None:
        with contextlib.suppress(OSError), caller:
            plain = context.wrap_socket(caller, server_side=True) if context else caller
            with plain, socket.create_connection((self._behind, 80), timeout=30) as pod:
                back = threading.Thread(target=_carry, args=(pod, plain))
                back.start()
                _carry(plain, pod)
                back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def front(
    shared_kit: ServiceKit, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Front]:
    """Listens at port 80."""
    target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
    behind = cluster.core.read_namespaced_service("svc", target.connection.namespace)
    front = Front(behind.spec.cluster_ip)
    resolve = socket.getaddrinfo

    def resolved(name: Any, *more: Any, **options: Any) -> Any:
        return resolve(front.address if name == front.host else name, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    front.listen(80)
    yield front
    front.close()


def test_an_ingress_goes_before_everything(
    shared_kit: ServiceKit,
    cluster: Cluster,
    front: Front,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = front.host
    uri = reached(shared_kit, "Ingress", service_type="NodePort", ingress_host=host)
    assert uri == f"http://{host}/score"
    target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
    namespace = target.connection.namespace
    made = client.NetworkingV1Api(cluster.api).read_namespaced_ingress("svc", namespace)
    (rule,) = made.spec.rules
    backend = rule.http.paths[0].backend.service
    assert (rule.host, backend.name, backend.port.name) == (host, "svc", "http")
    # A key must not go there in the clear where something before the service ends TLS, be it with
    # a certificate that nobody trusts.
    forward = "port-forward of this process, over the API server"
    context, authority = self_signed(tmp_path, host)
    front.listen(443, context)
    target._addresses.look_again("svc")
    assert shared_kit.services.get("svc").address_kind == forward
    front.close()
    front.listen(80)
    certificate = {"alb.ingress.kubernetes.io/certificate-arn": "arn:aws:acm:…"}
    secured = {"ingress_host": host, "annotations": certificate, "service_type": "NodePort"}
    reached(shared_kit, forward, never=uri, **secured)
    front.listen(443, context)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    target._addresses.look_again("svc")
    assert reached(shared_kit, "Ingress", **secured) == f"https://{host}/score"
    given = reached(shared_kit, "given address", external_address=f"https://{host}")
    assert given == f"https://{host}/score"
    # It goes with the option, and what is left is the next best.
    reached(shared_kit, "node port", service_type="NodePort")
    assert client.NetworkingV1Api(cluster.api).list_namespaced_ingress(namespace).items == []


def test_a_gateway_goes_before_everything(
    shared_kit: ServiceKit, cluster: Cluster, front: Front
) -> None:
    group, version = "gateway.networking.k8s.io", "v1"
    with known(cluster, f"{group}/{version}", "HTTPRoute", "Gateway"):
        reached(shared_kit, "Gateway", ingress_host=front.host, gateway="infra/public")
        target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
        made = target.connection.get("HTTPRoute", "svc")
        assert made["spec"]["parentRefs"][0]["name"] == "public"
        assert made["spec"]["parentRefs"][0]["namespace"] == "infra"
        assert made["spec"]["hostnames"] == [front.host]
        assert made["spec"]["rules"][0]["backendRefs"][0]["name"] == "svc"
        assert json.dumps(shared_kit.services.get("svc").export()).count("HTTPRoute") == 1
        # A key must not go there in the clear where the listener ends TLS.
        listeners = [{"name": "https", "protocol": "HTTPS", "port": 443}]
        gateway = {
            "apiVersion": f"{group}/{version}",
            "kind": "Gateway",
            "metadata": {"name": "public"},
            "spec": {"listeners": listeners},
        }
        client.CustomObjectsApi(cluster.api).create_namespaced_custom_object(
            group, version, target.connection.namespace, "gateways", gateway
        )
        forward = "port-forward of this process, over the API server"
        reached(shared_kit, forward, ingress_host=front.host, gateway="public:https")
        reached(shared_kit, forward)
