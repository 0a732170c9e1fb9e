"""A service on two nodes: spread, told of both, and answering when one goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import DeploymentFailedError
from mlmagic.testing.contract import SECONDS, Load, until
from tests.cluster.node import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.services import Webservice
    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
LABEL = "mlmagic.test/room"


@pytest.fixture(scope="module")
def second(cluster: Cluster) -> Iterator[str]:
    """The name of a second node."""
    with cluster.second_node() as name:
        yield name


@pytest.fixture
def where(cluster: Cluster, namespace: str) -> Any:
    """Says on which nodes the pods are that are not on their way out."""

    def ask() -> list[str]:
        pods = cluster.core.list_namespaced_pod(namespace).items
        here = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
        return sorted(pod.spec.node_name or "" for pod in here)

    return ask


def effects(cluster: Cluster, node: str) -> list[str]:
    """What the taints of a node do that the cluster itself gave it."""
    taints = cluster.core.read_node(node).spec.taints or []
    return [each.effect for each in taints if each.key.startswith("node.kubernetes.io/")]


def healthy(service: Webservice) -> bool:
    return service.state is ServiceState.HEALTHY


def test_the_largest_of_the_nodes_that_may_be_taken_is_told(
    kit: ServiceKit, cluster: Cluster, second: str
) -> None:
    for node, count in (("node-1", "1"), (second, "3")):
        for part in ("capacity", "allocatable"):
            path = f"/status/{part}/example.com~1tape"
            cluster.core.patch_node_status(node, [{"op": "add", "path": path, "value": count}])
    for asked, words in (
        ({}, "4 'example.com/tape' asked for by a pod, the largest node has 1"),
        (
            {"tolerations": (SECOND,)},
            "4 'example.com/tape' asked for by a pod, the largest node has 3",
        ),
    ):
        service = kit.services.submit(kit.spec(accelerators={"example.com/tape": 4}, **asked))
        with pytest.raises(DeploymentFailedError, match=words):
            service.wait_for_deployment(timeout_sec=SECONDS)
        assert service.status.reason is Reason.INSUFFICIENT_ACCELERATOR


def test_a_service_outlives_one_of_its_nodes(
    kit: ServiceKit, cluster: Cluster, namespace: str, second: str, where: Any
) -> None:
    service = kit.services.submit(kit.spec(replicas=2, tolerations=(SECOND,)))
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert where() == ["node-1", second]
    with cluster.without("kubelet-2"):

        def lost() -> bool:
            assert service.run([1]) == [1]
            return service.status.reason is Reason.NODE_LOST

        until(lost)
        status = service.status
        assert status.state is ServiceState.UNHEALTHY
        assert f"1 of 2 pods ready; node '{second}' does not answer" in status.message
        # Until then, the pod in its place may be sent to the node that is lost.
        until(lambda: "NoSchedule" in effects(cluster, second))
        # As the cluster itself does after five minutes.
        (pod,) = cluster.core.list_namespaced_pod(
            namespace, field_selector=f"spec.nodeName={second}"
        ).items
        cluster.core.delete_namespaced_pod(pod.metadata.name, namespace)
        until(lambda: healthy(service))
        assert where() == ["node-1", "node-1"]
        assert service.run([2]) == [2]
    until(lambda: len(cluster.core.list_namespaced_pod(namespace).items) == 2)
    until(lambda: healthy(service))


def test_a_drained_node_loses_no_request(
    kit: ServiceKit, cluster: Cluster, second: str, where: Any
) -> None:
    there = {"metadata": {"labels": {LABEL: "yes"}}}
    cluster.core.patch_node(second, there)
    service = kit.services.submit(
        kit.spec(replicas=2, tolerations=(SECOND,), node_selector={LABEL: "yes"})
    )
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert where() == [second, second]
    cluster.core.patch_node("node-1", there)
    try:
        with Load(service) as load:
            # Both are to go: the budget lets the second go when the first is made up for.
            cluster.kubectl("drain", second, "--ignore-daemonsets", "--delete-emptydir-data")
            assert where() == ["node-1", "node-1"]
            until(lambda: healthy(service))
    finally:
        cluster.core.patch_node("node-1", {"metadata": {"labels": {LABEL: None}}})
        cluster.core.patch_node(second, {"spec": {"unschedulable": None}})
    assert load.errors == []
    assert load.answers
    assert set(map(str, load.answers)) == {"[]"}


def test_a_node_under_pressure_puts_pods_out(
    kit: ServiceKit, cluster: Cluster, second: str, where: Any
) -> None:
    """The last one: the node stays under pressure for minutes."""
    there = {"metadata": {"labels": {LABEL: "yes"}}}
    cluster.core.patch_node(second, there)
    spec = kit.spec(tolerations=(SECOND,), node_selector={LABEL: "yes"})
    service = kit.services.submit(spec)
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert where() == [second]
    cluster.core.patch_node("node-1", there)
    seen: list[Any] = []

    def put_out() -> bool:
        seen.append(service.status)
        return seen[-1].reason is Reason.EVICTED

    try:
        with cluster.without("kubelet-2"):
            assert cluster.directory is not None
            file = cluster.directory / "kubelet-2.yaml"
            file.write_text(
                file.read_text().replace("nodefs.available: 1%", "nodefs.available: 99%")
            )
        until(put_out, seconds=120)
        assert seen[-1].state is ServiceState.UNHEALTHY
        assert f"node '{second}'" in seen[-1].message
        assert "disk" in seen[-1].message
        until(lambda: healthy(service), seconds=120)
        assert service.run([1]) == [1]
        assert where() == ["node-1", second]  # what was put out is kept to be looked at
    finally:
        cluster.core.patch_node("node-1", {"metadata": {"labels": {LABEL: None}}})
