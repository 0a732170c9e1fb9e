"""The story of a user: attach a cluster, deploy, look, scale, export, attach from elsewhere."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client

from mlmagic import Workspace
from mlmagic.entities import ServiceState
from mlmagic.errors import (
    ConfigurationError,
    ServiceExistsError,
    ServiceNotFoundError,
    TargetError,
    TargetNotFoundError,
    TargetUnavailableError,
)
from mlmagic.services import Plan, Webservice
from mlmagic.targets.kubernetes import naming
from mlmagic.testing.contract import Load, until
from tests.kubernetes.conftest import REGISTRY, restricted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
SCRIPT = """
import json

def init():
    print("ready to score")

def run(raw_data):
    return sum(json.loads(raw_data)["data"])
"""
BUSY = """
import time

def init():
    pass

def run(raw_data):
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until:
        pass
    return 1
"""


@pytest.fixture
def make_workspace(tmp_path: Path, base_image: str) -> Iterator[Callable[[str], Workspace]]:
    """Makes workspaces with a script; their watches end with the test."""
    made = []

    def make(name: str) -> Workspace:
        folder = tmp_path / name
        workspace = Workspace.create(folder)
        workspace = Workspace(folder, settings={"base_image": base_image})
        (folder / "score.py").write_text(textwrap.dedent(SCRIPT))
        made.append(workspace)
        return workspace

    yield make
    for workspace in made:
        for target in workspace.targets.values():
            if target.compute_type == "kubernetes":
                ended: Any = target
                ended.close()


@pytest.fixture
def workspace(
    make_workspace: Callable[[str], Workspace], cluster: Cluster, namespace: str
) -> Workspace:
    """A workspace with the cluster attached as ``prod``."""
    made = make_workspace("one")
    made.attach_compute_target(
        "kubernetes",
        "prod",
        kubeconfig=str(cluster.kubeconfig),
        namespace=namespace,
        image_registry=REGISTRY,
    )
    return made


def deploy(workspace: Workspace, name: str = "demo-svc", **options: Any) -> Webservice:
    service = workspace.deploy(
        name,
        **{
            "script": workspace.root / "score.py",
            "environment": "minimal",
            "target": "prod",
            "wait": True,
            "timeout": 180,
            **options,
        },
    )
    assert isinstance(service, Webservice)
    return service


def test_the_story(
    workspace: Workspace,
    make_workspace: Callable[[str], Workspace],
    cluster: Cluster,
    namespace: str,
) -> None:
    report = workspace.check_compute_target("prod")
    assert not isinstance(report, str)
    found = {check.name: check for check in report.checks}
    assert report.healthy
    assert found["permissions"].found == "everything that services need"
    assert found["registry"].found == f"images go to '{REGISTRY}'"
    assert "restricted" in found["namespace"].found

    options: dict[str, Any] = {"cpu": "0.05:1", "memory": "128Mi:256Mi", "replicas": 2}
    plan = deploy_plan(workspace, **options)
    assert plan.action == "create"
    assert "Deployment/demo-svc: + created" in str(plan)
    assert client.AppsV1Api(cluster.api).list_namespaced_deployment(namespace).items == []

    service = deploy(workspace, **options)
    assert service.run({"data": [1, 2, 3]}) == 6
    assert len(service.status.replicas) == 2
    assert service.get_logs().count("ready to score") == 2
    assert any("SuccessfulCreate" in line or "Scheduled" in line for line in service.events())

    plan = deploy_plan(workspace, **options | {"memory": "128Mi:300Mi"})
    assert plan.action == "update"
    assert (
        "Deployment/demo-svc spec.template.spec.containers[server].resources.limits.memory: "
        "256Mi → 300Mi"
    ) in str(plan)

    pods = {pod.name for pod in service.status.replicas}
    workspace.scale_service("demo-svc", replicas=3, wait=True, timeout=120)
    assert pods < {pod.name for pod in service.status.replicas if pod.ready}
    assert service.run({"data": [1]}) == 1

    objects = list(yaml.safe_load_all(workspace.export_service("demo-svc")))
    assert {item["kind"] for item in objects} == {"Service", "Deployment", "PodDisruptionBudget"}
    (deployment,) = (item for item in objects if item["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 3
    # Where it is applied in place, the pods stay.
    running = client.AppsV1Api(cluster.api).read_namespaced_deployment("demo-svc", namespace)
    pods = running.spec.template.metadata
    exported = deployment["spec"]["template"]["metadata"]
    assert (exported["labels"], exported["annotations"]) == (pods.labels, pods.annotations)

    is_taken_up(make_workspace("two"), service, cluster, namespace)
    with pytest.raises(ServiceExistsError, match="in revision 5; this workspace knows 2"):
        deploy(workspace, **options | {"replicas": 3})  # what it knows, but not what serves
    assert workspace.attach_service("demo-svc", target="prod").record.current == 5

    with pytest.raises(TargetError, match="has services: demo-svc"):
        workspace.detach_compute_target("prod")
    service.delete()
    core = cluster.core
    until(lambda: core.list_namespaced_pod(namespace).items == [])
    left = [
        *core.list_namespaced_secret(namespace).items,
        *core.list_namespaced_service(namespace).items,
        *(
            item
            for item in core.list_namespaced_config_map(namespace).items
            if item.metadata.name != "kube-root-ca.crt"
        ),
    ]
    assert left == []
    workspace.detach_compute_target("prod")
    with pytest.raises(TargetNotFoundError):
        workspace.show_compute_target("prod")


def is_taken_up(other: Workspace, service: Webservice, cluster: Cluster, namespace: str) -> None:
    """Go on in another workspace, which calls the cluster something else and knows no registry."""
    other.attach_compute_target(
        "aks", "ours", kubeconfig=str(cluster.kubeconfig), namespace=namespace
    )
    with pytest.raises(ServiceNotFoundError, match="'demo-svc'"):
        other.attach_service("dem-svc", target="ours")
    attached = other.attach_service("demo-svc", target="ours")
    until(lambda: attached.state is ServiceState.HEALTHY)  # a busy node may miss a probe
    assert attached.run({"data": [4]}) == 4
    assert attached.get_keys() == service.get_keys()
    # Nothing of the service's files is there: what the cluster has is enough.
    other.scale_service("demo-svc", replicas=1, wait=True, timeout=120)
    assert attached.run({"data": [7]}) == 7
    attached.rollback(to=2)
    attached.wait_for_deployment(timeout_sec=120)
    assert attached.run({"data": [8]}) == 8
    # A new image goes where the running one came from.
    (other.root / "score.py").write_text(SCRIPT.replace("sum(", "-sum("))
    deploy(other, target="ours")
    assert attached.run({"data": [8]}) == -8


def deploy_plan(workspace: Workspace, **options: Any) -> Plan:
    plan = workspace.deploy(
        "demo-svc",
        script=workspace.root / "score.py",
        environment="minimal",
        target="prod",
        plan=True,
        **options,
    )
    assert isinstance(plan, Plan)
    return plan


def test_the_autoscaler_goes_up_and_down(workspace: Workspace) -> None:
    (workspace.root / "score.py").write_text(BUSY)
    service = deploy(workspace, autoscale=(1, 3), cpu="100m", autoscale_target=50)
    assert len(service.status.replicas) == 1
    with Load(service):
        until(lambda: service.status.replicas_ready == 3, seconds=150)
    until(lambda: len(service.status.replicas) == 1, seconds=150)
    until(lambda: service.state is ServiceState.HEALTHY)
    with pytest.raises(ConfigurationError, match="'9' replicas are not between '1' and '3'"):
        workspace.scale_service("demo-svc", replicas=9)


def test_objects_of_others_are_left_alone(
    workspace: Workspace, cluster: Cluster, namespace: str
) -> None:
    meta = {"name": "demo-svc", "namespace": namespace}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"ports": [{"port": 80}]},
        }
    )
    with pytest.raises(ServiceExistsError, match="has a Service 'demo-svc' that mlmagic did not"):
        deploy(workspace)
    assert cluster.core.read_namespaced_service("demo-svc", namespace).spec.ports[0].port == 80
    assert cluster.core.list_namespaced_secret(namespace).items == []
    assert workspace.list_services() == []


def test_fields_that_another_manager_holds_are_not_taken(
    workspace: Workspace, cluster: Cluster, namespace: str
) -> None:
    service = deploy(workspace)
    body = {"spec": {"progressDeadlineSeconds": 77}}
    client.AppsV1Api(cluster.api).patch_namespaced_deployment(
        "demo-svc", namespace, body, field_manager="platform-team"
    )
    with pytest.raises(TargetError, match=r"'platform-team' manages .*progressDeadlineSeconds"):
        deploy(workspace, threads=3)
    assert service.run({"data": [1]}) == 1


def test_a_verb_that_is_not_allowed_is_named(
    workspace: Workspace, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    meta = {"name": "mlmagic", "namespace": namespace}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    kubeconfig = restricted(cluster, namespace, tmp_path / "poor", [account])
    workspace.attach_compute_target(
        "kubernetes",
        "poor",
        kubeconfig=str(kubeconfig),
        namespace=namespace,
        image_registry=REGISTRY,
    )
    report = workspace.check_compute_target("poor")
    assert not isinstance(report, str)
    assert not report.healthy
    told = " ".join(check.found for check in report.checks)
    assert "may not get, list, watch, create, patch, delete deployments (for services)" in told
    with pytest.raises(TargetError, match="may not get resource") as caught:
        deploy(workspace, target="poor")
    assert "--rbac" in str(caught.value)
    assert workspace.list_services() == []


def test_the_printed_rules_are_enough(
    workspace: Workspace, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    text = workspace.check_compute_target("prod", rbac=True)
    assert isinstance(text, str)
    items = list(yaml.safe_load_all(text))
    kubeconfig = restricted(cluster, namespace, tmp_path / "frugal", items)
    workspace.attach_compute_target(
        "kubernetes",
        "frugal",
        kubeconfig=str(kubeconfig),
        namespace=namespace,
        image_registry=REGISTRY,
    )
    report = workspace.check_compute_target("frugal")
    assert not isinstance(report, str)
    assert report.healthy
    service = deploy(workspace, target="frugal", replicas=2)
    assert service.run({"data": [5]}) == 5
    service.regen_key("Primary")
    assert service.run({"data": [6]}) == 6
    service.delete()
    # Without the right to look at nodes, pods go to those that the image is for.
    for each in items:
        if each["kind"] == "ClusterRoleBinding":
            client.RbacAuthorizationV1Api(cluster.api).delete_cluster_role_binding(
                each["metadata"]["name"]
            )
    for replicas in (1, 2):
        deploy(workspace, target="frugal", replicas=replicas)
        made = client.AppsV1Api(cluster.api).read_namespaced_deployment(service.name, namespace)
        pods = made.spec.template
        assert set(pods.spec.node_selector) == {"kubernetes.io/os", "kubernetes.io/arch"}
        assert pods.metadata.labels[naming.REVISION] == "1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kubeconfig": "/nowhere"}, "kubeconfig '/nowhere' does not exist"),
        ({"context": "prd"}, "no context 'prd'"),
        ({"namespace": "nowhere"}, "no namespace 'nowhere'"),
    ],
)
def test_what_cannot_be_attached_is_not_kept(
    make_workspace: Callable[[str], Workspace],
    cluster: Cluster,
    options: dict[str, str],
    message: str,
) -> None:
    made = make_workspace("one")
    given = {"kubeconfig": str(cluster.kubeconfig), **options}
    with pytest.raises((TargetUnavailableError, TargetError), match=message):
        made.attach_compute_target("kubernetes", "prod", **given)
    assert [target.name for target in made.list_compute_targets()] == sorted(made.targets)
    with pytest.raises(ConfigurationError, match="3 to 24 letters"):
        made.attach_compute_target("kubernetes", "p", kubeconfig=str(cluster.kubeconfig))
    with pytest.raises(ConfigurationError, match="needs no attaching"):
        made.attach_compute_target("aci", "box", kubeconfig=str(cluster.kubeconfig))


def test_a_cluster_is_made_only_where_something_makes_it(
    make_workspace: Callable[[str], Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_workspace("one")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigurationError, match="kind, minikube and k3d is installed") as caught:
        made.create_compute_target("kubernetes", "try-out")
    assert "computetarget attach kubernetes -n try-out" in str(caught.value)
