"""What takes a node or the API server from everybody, while nobody else has a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.testing.contract import SECONDS, says, until
from tests.kubernetes.test_states import fails, healthy, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """The only namespace of tests."""
    with cluster.namespace(alone=True) as name:
        yield name


def test_a_taint_is_told_and_tolerated(kit: ServiceKit, cluster: Cluster) -> None:
    if cluster.directory is None:
        pytest.skip("the nodes of somebody else are left to their pods")
    taint = {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}
    put = {"op": "add", "path": "/spec/taints", "value": [taint]}
    cluster.core.patch_node("node-1", [put])
    try:
        service = kit.services.submit(kit.spec())
        error = fails(service)
        assert error.status is not None
        assert error.status.state is ServiceState.UNSCHEDULABLE
        assert "the taint 'dedicated=ml:NoSchedule' keeps it off 1 node" in str(error)
        assert "Next: Deploy with --toleration dedicated=ml:NoSchedule" in str(error)
        service = kit.services.submit(kit.spec(tolerations=("dedicated=ml:NoSchedule",)))
        assert service.run([1]) == [1]
    finally:
        cluster.core.patch_node("node-1", [{**put, "value": []}])


def test_a_node_that_is_lost(kit: ServiceKit, cluster: Cluster) -> None:
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    with cluster.without("kubelet"):
        until(lambda: not healthy(service))
        record(service)
        status = service.status
        assert (status.state, status.reason) == (ServiceState.UNHEALTHY, Reason.NODE_LOST)
        assert "node-1" in status.message
    until(lambda: healthy(service))


def test_the_api_server_restarts_in_the_middle(kit: ServiceKit, cluster: Cluster) -> None:
    service = kit.services.submit(kit.spec(says("one")))
    service.wait_for_deployment(timeout_sec=SECONDS)
    target: Any = kit.services.target(service.record)
    cluster.end("apiserver")
    until(lambda: service.status.reason is Reason.TARGET_UNAVAILABLE)
    assert service.state is ServiceState.UNHEALTHY
    cluster.begin("apiserver")
    until(lambda: healthy(service))
    updated = kit.services.submit(kit.spec(says("two")))
    job = target._job(updated.record)
    until(lambda: job.state().stage == "start" or job.state().is_over)
    with cluster.without("apiserver"):
        pass
    updated.wait_for_deployment(timeout_sec=SECONDS)
    assert updated.run("") == "two"
