"""What `computetarget check` and `attach` say of a cluster, and of one that does not answer."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client

from mlmagic import Workspace
from mlmagic.entities import KubernetesDeploymentConfig, ServiceState
from mlmagic.errors import ConfigurationError
from mlmagic.images import Images
from mlmagic.images.images import host_architecture
from mlmagic.presentation import present, to_data
from mlmagic.registry import ContentStore
from mlmagic.targets.kubernetes.applying import apply_release
from mlmagic.targets.kubernetes.connection import Connection, Place, connect
from mlmagic.targets.kubernetes.examining import examine_cluster
from mlmagic.targets.kubernetes.image import architecture_to_come
from mlmagic.targets.kubernetes.permissions import NEEDS
from mlmagic.targets.kubernetes.recording import keep_record
from mlmagic.testing.contract import SECONDS, until
from tests.engine.serving import Serving
from tests.images.disk_bases import write
from tests.kubernetes.conftest import REGISTRY
from tests.unit.targets.kubernetes.examples import make_record, make_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlmagic.entities import Check
    from mlmagic.testing import ServiceKit
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
def api(
    cluster: Cluster, answers: Mapping[str, tuple[int, Any]], asked: list[str] | None = None
) -> Iterator[str]:
    """Stand before the API server for a while.

    Args:
        cluster: The cluster that is asked.
        answers: What is answered in its place, by path.
        asked: Told the path of each request.
    """

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            found = answers.get(path)
            if asked is not None:
                asked.append(path)
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
    with Serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


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


def test_permissions_are_asked_for_in_few_requests(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    reviews = "/apis/authorization.k8s.io/v1/selfsubject"
    silent = {"status": {"resourceRules": None, "incomplete": True}}
    verbs = sum(len(need.verbs) for need in NEEDS)
    # One for the namespace and one for the nodes; or each, where rules are not listed.
    for answers, count in (({}, 2), ({f"{reviews}rulesreviews": (201, silent)}, 1 + verbs)):
        asked: list[str] = []
        with api(cluster, answers, asked) as server:
            file = leading_to(cluster, tmp_path / "config", server=server)
            found = checks(Place(kubeconfig=file, namespace=namespace))
        assert found["permissions"].found == "everything that services need"
        assert sum(path.startswith(reviews) for path in asked) == count
        assert len(asked) <= count + 12


def test_what_pods_of_an_image_to_come_are_kept_to(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    nodes = [
        {
            "metadata": {"name": each},
            "status": {"nodeInfo": {"architecture": each, "operatingSystem": "linux"}},
        }
        for each in ("amd64", "arm64")
    ]
    mixed = {"/api/v1/nodes": (200, {"metadata": {"resourceVersion": "1"}, "items": nodes})}
    saved = write(tmp_path, "docker-archive", architecture="s390x")  # the deployment takes it so
    images = Images(tmp_path / "cache", content=ContentStore(tmp_path / "content"))
    for answers, base, kept_to in (
        ({}, saved, ""),
        (mixed, None, host_architecture()),
        (mixed, saved, "s390x"),
    ):
        with api(cluster, answers) as server:
            file = leading_to(cluster, tmp_path / "config", server=server)
            connection = connect(Place(kubeconfig=file, namespace=namespace))
            assert architecture_to_come(connection, make_spec(), images, base) == kept_to


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


@contextmanager
def policy(cluster: Cluster, namespace: str, resource: str, **allowed: str) -> Iterator[None]:
    """Have the cluster refuse objects of a namespace: words for an expression that is not true."""
    rules = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
              "resources": [resource]}]  # fmt: skip
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    spec = {
        "matchConstraints": {"namespaceSelector": here, "resourceRules": rules},
        "validations": [
            {"expression": expression, "message": words.replace("_", " ")}
            for words, expression in allowed.items()
        ],
    }
    policies = client.AdmissionregistrationV1Api(cluster.api)
    meta = {"name": namespace}
    made: Any = {"metadata": meta, "spec": spec}
    bound: Any = {
        "metadata": meta,
        "spec": {"policyName": namespace, "validationActions": ["Deny"]},
    }
    policies.create_validating_admission_policy(made)
    try:
        policies.create_validating_admission_policy_binding(bound)
        yield
    finally:
        policies.delete_validating_admission_policy_binding(namespace)
        policies.delete_validating_admission_policy(namespace)


def told(kit: ServiceKit, **config: Any) -> str:
    """Return what a plan says against a configuration."""
    try:
        return kit.services.plan(kit.spec(**config)).problem
    except ConfigurationError as error:
        return error.message


def test_policies_let_a_new_service_pass(kit: ServiceKit, cluster: Cluster, namespace: str) -> None:
    """One of registries, where the image is not made yet, and one of the number of pods."""
    allowed = f"object.spec.template.spec.containers.all(c, c.image.startsWith('{REGISTRY}/'))"
    few = "object.spec.replicas >= 2"
    with policy(cluster, namespace, "deployments", a_registry_of_others=allowed, too_few_pods=few):
        until(lambda: "a registry of others" in told(kit, image_registry="elsewhere.example/ml"))
        assert "too few pods" in told(kit)
        assert told(kit, replicas=2) == ""
        target: Any = kit.services._deployer.target("kubernetes")
        config = KubernetesDeploymentConfig(auth="none", replicas=2)
        kept = keep_record(target.connection, make_record(config=config))
        for threads in (None, 3):
            spec = replace(kept.spec, config=replace(config, threads=threads))
            release = replace(kept, spec=spec, image=f"{REGISTRY}/svc:1")
            apply_release(target.connection, release)
            made = target.connection.get("Deployment", "svc")
            assert made["spec"]["replicas"] == 2
            fields = [each["fieldsV1"] for each in made["metadata"]["managedFields"]]
            # Nobody holds it: an autoscaler and kubectl take it from nobody.
            assert not any("f:replicas" in each.get("f:spec", {}) for each in fields)


def test_a_number_of_pods_that_a_policy_refuses_is_told_before_anything_is_done(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    few = "object.spec.replicas <= 2"
    with policy(cluster, namespace, "deployments/scale", too_many_pods=few):
        until(lambda: "too many pods" in told(kit, replicas=3))
        assert told(kit, replicas=2) == ""
        with pytest.raises(ConfigurationError, match="too many pods"):
            kit.services.submit(kit.spec(replicas=3))
    assert (service.state, len(service.record.revisions)) == (ServiceState.HEALTHY, 1)
    assert len(service.status.replicas) == 1
