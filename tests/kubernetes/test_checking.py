"""What `computetarget check` and `attach` say of a cluster, and of one that does not answer."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlmagic import Workspace
from mlmagic.presentation import present, to_data
from mlmagic.targets.kubernetes.connection import Connection, Place
from mlmagic.targets.kubernetes.examining import examine_cluster
from mlmagic.testing.contract import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlmagic.entities import Check
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes


def checks(place: Place) -> dict[str, Check]:
    report = examine_cluster(place, name="prod", registry=None)
    return {check.name: check for check in report.checks}


def leading_to(
    cluster: Cluster, file: Path, *, server: str = "", user: dict[str, str] | None = None
) -> str:
    """Write the cluster's kubeconfig with another address, or for another user."""
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    if server:
        content["clusters"][0]["cluster"] = {"server": server}
    if user:
        content["users"][0]["user"] = user
    file.write_text(yaml.safe_dump(content))
    return str(file)


@contextmanager
def api(cluster: Cluster, answers: Mapping[str, tuple[int, Any]]) -> Iterator[str]:
    """Stand before the API server for a while.

    Args:
        cluster: The cluster that is asked.
        answers: What is answered in its place, by path.
    """

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = answers.get(self.path.partition("?")[0])
            if found is not None:
                status, data = found[0], json.dumps(found[1]).encode()
            else:
                pool = cluster.api.rest_client.pool_manager
                url = f"{cluster.api.configuration.host}{self.path}"
                kinds = {"Content-Type": self.headers["Content-Type"]}
                behind = pool.request(self.command, url, body=body or None, headers=kinds)
                status, data = behind.status, behind.data
            self.send_response(status)
            self.send_header("Content-Length", f"{len(data)}")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - so they are found

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_old_cluster_and_one_without_measures_are_told(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    answers = {
        "/version": (200, {"gitVersion": "v1.29.4"}),
        "/apis/metrics.k8s.io/v1beta1": (503, {"message": "no endpoints"}),
    }
    with api(cluster, answers) as server:
        file = leading_to(cluster, tmp_path / "config", server=server)
        found = checks(Place(kubeconfig=file, namespace=namespace))
    assert found["version"].state == "missing"
    assert found["version"].advice == "Services need Kubernetes 1.30 or later; upgrade the cluster."
    assert found["metrics"].state == "optional"
    assert "--replicas" in found["metrics"].advice
    found = checks(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace))
    assert {found[name].state for name in ("version", "metrics")} == {"ok"}


@pytest.mark.parametrize(
    ("spec", "state", "found", "advice"),
    [
        ({"hard": {"pods": "3", "requests.memory": "4Gi"}}, "ok", "pods: 0 of 3 used", ""),
        (
            {"hard": {"requests.memory": "300Mi", "pods": "9"}},
            "optional",
            "requests.memory: 0 of 300Mi used, a replica asks for 512Mi",
            "Deploy with less (--cpu, --memory)",
        ),
        (
            {"hard": {"pods": "0"}},
            "missing",
            "no room for one replica more, which updates need too: pods: 0 of 0 used, a replica",
            "ask for a larger quota",
        ),
        (
            {"hard": {"count/deployments.apps": "0"}},
            "optional",
            "another service: count/deployments.apps: 0 of 0 used, a service asks for 1",
            "ask for a larger quota",
        ),
        (
            {"hard": {"limits.cpu": "2", "limits.memory": "4Gi"}},
            "ok",
            "limits.cpu: 0 of 2 used",
            "deploy with --cpu 0.1:1 --memory 512Mi",
        ),
        (
            {"hard": {"pods": "0"}, "scopes": ["BestEffort"]},
            "ok",
            "pods: 0 of 0 used (for pods of other kinds)",
            "",
        ),
    ],
)
def test_a_quota_says_what_is_left(
    cluster: Cluster, namespace: str, spec: dict[str, Any], state: str, found: str, advice: str
) -> None:
    meta = {"name": "small", "namespace": namespace}
    kind = {"apiVersion": "v1", "kind": "ResourceQuota"}
    cluster.apply({**kind, "metadata": meta, "spec": spec})
    core = cluster.core
    until(lambda: bool(core.read_namespaced_resource_quota("small", namespace).status.used))
    check = checks(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace))["quota 'small'"]
    assert (check.state, bool(check.advice)) == (state, bool(advice))
    assert found in check.found
    assert advice in check.advice


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def places(cluster: Cluster, silent: int, tmp_path: Path) -> Callable[[str], Place]:
    """Names places where no cluster is found."""

    def make(what: str) -> Place:
        file = tmp_path / "config"
        match what:
            case "no kubeconfig":
                return Place()
            case "no such context":
                return Place(kubeconfig=str(cluster.kubeconfig), context="tset")
            case "no such namespace":
                return Place(kubeconfig=str(cluster.kubeconfig), namespace="nowhere")
            case "expired":
                user = {"token": "old"}
                return Place(kubeconfig=leading_to(cluster, file, user=user))
            case "unreachable":
                return Place(kubeconfig=leading_to(cluster, file, server="https://127.0.0.1:1"))
            case _:
                server = f"https://127.0.0.1:{silent}"
                return Place(kubeconfig=leading_to(cluster, file, server=server))

    return make


@pytest.mark.parametrize(
    ("what", "found", "advice"),
    [
        ("no kubeconfig", "There is no kubeconfig: 'KUBECONFIG' names none", "attach kubernetes"),
        ("no such context", "has no context 'tset'", "Known: "),
        ("no such namespace", "there is no namespace 'nowhere'", "kubectl create namespace"),
        ("expired", "does not accept the credentials: Unauthorized", "Log in to the cluster again"),
        ("unreachable", "'https://127.0.0.1:1' does not answer: Connection refused", "network"),
        ("silent", "does not answer: it took too long", "Check the network"),
    ],
)
def test_what_keeps_a_cluster_from_answering_is_told(
    places: Callable[[str], Place],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    found: str,
    advice: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    # Who waits for a silent server waits a second instead of half a minute.
    monkeypatch.setitem(Connection._open.__kwdefaults__ or {}, "timeout", (1.0, 1.0))
    report = examine_cluster(places(what), name="prod", registry=None)
    check = report.checks[-1]
    assert (check.state, report.healthy) == ("missing", False)
    assert found in check.found
    assert advice in check.advice


def test_attaching_tells_what_is_there(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    place = {"kubeconfig": str(cluster.kubeconfig), "namespace": namespace}
    attached = workspace.attach_compute_target("kubernetes", "prod", **place)
    assert attached.report is not None
    assert attached.report.healthy
    told = present(attached).text
    assert "compute target  prod\n" in told
    assert "everything that services need" in told
    assert to_data(attached)["report"]["healthy"] is True
    kept = workspace.show_compute_target("prod")
    assert (kept, kept.report) == (attached, None)
