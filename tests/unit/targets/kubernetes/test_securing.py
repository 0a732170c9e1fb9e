"""What tells that something before a service ends TLS, and what address is believed."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import KubernetesDeploymentConfig
from mlmagic.errors import TargetUnavailableError
from mlmagic.targets.kubernetes.access import Addresses, _answers, _candidates
from mlmagic.targets.kubernetes.connection import Connection, Place, connect
from mlmagic.targets.kubernetes.faults import ServerFailedError
from mlmagic.targets.kubernetes.routes import parent
from mlmagic.targets.kubernetes.securing import ends_tls, listener_port
from tests.engine.serving import Serving
from tests.unit.targets.kubernetes.examples import make_record
from tests.unit.targets.kubernetes.test_connection import kubeconfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ALB, _NGINX = "alb.ingress.kubernetes.io", "nginx.ingress.kubernetes.io"
_AWS = "service.beta.kubernetes.io/aws-load-balancer"


@pytest.mark.parametrize(
    ("annotations", "ends"),
    [
        ({}, False),
        ({f"{_ALB}/certificate-arn": "arn:aws:acm:eu-west-1:1:certificate/2"}, True),
        ({f"{_ALB}/listen-ports": '[{"HTTPS": 443}]'}, True),
        ({f"{_ALB}/listen-ports": '[{"HTTP": 80}]', f"{_ALB}/scheme": "internal"}, False),
        ({"networking.gke.io/managed-certificates": "svc"}, True),
        ({"kubernetes.io/ingress.allow-http": "false"}, True),
        ({"kubernetes.io/ingress.allow-http": "true"}, False),
        ({f"{_NGINX}/ssl-redirect": "false", f"{_NGINX}/proxy-body-size": "8m"}, False),
        ({f"{_NGINX}/force-ssl-redirect": "true"}, True),
        ({"appgw.ingress.kubernetes.io/appgw-ssl-certificate": "svc"}, True),
        ({"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"}, True),
        ({"route.openshift.io/termination": "edge"}, True),
        ({f"{_AWS}-ssl-cert": "arn:aws:acm:eu-west-1:1:certificate/2"}, True),
        ({f"{_AWS}-scheme": "internal"}, False),
        ({"prometheus.io/scheme": "https"}, False),
    ],
)
def test_annotations_of_clouds_and_controllers(annotations: dict[str, str], ends: bool) -> None:
    assert ends_tls({"metadata": {"annotations": annotations}, "spec": {}}) is ends


def test_an_ingress_with_a_certificate_of_somebody_else() -> None:
    assert ends_tls({"metadata": {}, "spec": {"tls": [{"hosts": ["svc.example.com"]}]}})


@pytest.mark.parametrize(
    ("listeners", "port"),
    [
        ([("HTTP", 80, None)], None),
        ([("HTTP", 80, None), ("HTTPS", 443, None)], 443),
        ([("HTTPS", 8443, "*.example.com")], 8443),
        ([("HTTPS", 443, "other.example.com"), ("HTTP", 80, None)], None),
        ([("HTTPS", 443, "*.example.org")], None),
        ([], None),
    ],
)
def test_listeners_of_a_gateway(
    listeners: list[tuple[str, int, str | None]], port: int | None
) -> None:
    found: list[dict[str, Any]] = [
        {"protocol": protocol, "port": number} | ({"hostname": host} if host else {})
        for protocol, number, host in listeners
    ]
    assert listener_port(found, "svc.example.com") == port


@pytest.mark.parametrize(
    ("gateway", "reference"),
    [
        ("public", {"name": "public"}),
        ("infra/public", {"name": "public", "namespace": "infra"}),
        ("public:https", {"name": "public", "sectionName": "https"}),
    ],
)
def test_a_gateway_may_lie_elsewhere_and_have_a_listener(
    gateway: str, reference: dict[str, str]
) -> None:
    assert parent(gateway) == reference


@contextmanager
def answering(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """Answer each path with a status and a body; tells host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with Serving(server):
        yield f"127.0.0.1:{server.server_port}"


_HOST = "svc.example.com"
_ALONE, _BOTH = [f"https://{_HOST}"], [f"https://{_HOST}", f"http://{_HOST}"]
_PUBLIC = {"ingress_host": _HOST, "gateway": "infra/public"}


def asked(
    connection: Connection, config: KubernetesDeploymentConfig, *, seen: bool | None
) -> list[str]:
    """Return what is asked of a host that ends TLS, refuses connections, or does not answer."""
    tls: dict[str, bool] = {}
    found = []
    for _, uris in _candidates(connection, "svc", config, tls):
        found += uris
        tls |= dict.fromkeys(uris, seen) if seen is not None else {}
    return found


@pytest.mark.parametrize(
    ("status", "options", "seen", "uris"),
    [
        (404, {"ingress_host": _HOST}, None, _BOTH),
        (404, {"ingress_host": _HOST}, False, _BOTH),
        (404, {"ingress_host": _HOST}, True, _ALONE),
        (404, {"ingress_host": _HOST, "ingress_tls_secret": "own"}, False, _ALONE),
        (404, {"ingress_host": _HOST, "annotations": {f"{_ALB}/certificate-arn": "arn"}}, False,
         _ALONE),
        (404, _PUBLIC, None, _BOTH),
        (403, _PUBLIC, None, _ALONE),
        (403, _PUBLIC, True, _ALONE),
        (403, _PUBLIC, False, _BOTH),
    ],
)  # fmt: skip
def test_a_plain_address_is_asked_only_where_nothing_ends_tls(
    tmp_path: Path, status: int, options: dict[str, Any], seen: bool | None, uris: list[str]
) -> None:
    def answer(path: str) -> tuple[int, bytes]:
        return (status if "/gateways/" in path else 404), b"{}"

    with answering(answer) as host:
        config = KubernetesDeploymentConfig(**options)
        assert asked(connect(kubeconfig(host, tmp_path)), config, seen=seen) == uris


def test_a_proxy_that_refuses_connections_is_no_host_without_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    seen: dict[str, bool] = {}
    assert not _answers(f"https://{_HOST}", seen)
    assert seen == {}
    assert not _answers("https://127.0.0.1:9", seen)
    assert seen == {"https://127.0.0.1:9": False}


@pytest.mark.parametrize(
    ("status", "kind"), [(500, ServerFailedError), (503, TargetUnavailableError)]
)
def test_a_fault_of_the_api_server_is_no_no(
    tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    with answering(lambda _: (status, b"{}")) as host:
        config = KubernetesDeploymentConfig(ingress_host=_HOST, gateway="infra/public")
        with pytest.raises(kind):
            asked(connect(kubeconfig(host, tmp_path)), config, seen=False)


def test_what_is_found_before_a_service_is_settled_or_told_off_is_not_kept() -> None:
    addresses, came = Addresses(Place()), []
    cluster: Any = SimpleNamespace(ready_pods=lambda _: ["pod"], connection=None)

    def answer(path: str) -> tuple[int, bytes]:
        came.append(path)
        if len(came) == 1:
            addresses.look_again("svc")  # another deployment begins
        return 200, b'{"live": true}'

    with answering(answer) as host:
        record = make_record(config=KubernetesDeploymentConfig(external_address=f"http://{host}"))

        def looked(*, settled: bool) -> int:
            found = addresses.of(cluster, record, settled=settled)
            assert found is not None
            assert found.uri == f"http://{host}"
            return len(came)

        assert looked(settled=True) == 1
        assert looked(settled=False) == 2
        assert looked(settled=True) == 3
        assert looked(settled=True) == 3
