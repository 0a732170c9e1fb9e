"""Each state and reason, provoked for real."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import DeploymentFailedError
from mlmagic.testing.contract import SECONDS, says, until

if TYPE_CHECKING:
    from mlmagic.services import Webservice
    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
CRASHING = """
    import os

    def init():
        pass

    def run(raw_data):
        os._exit(7)
"""


def fails(service: Webservice) -> DeploymentFailedError:
    with pytest.raises(DeploymentFailedError) as caught:
        service.wait_for_deployment(timeout_sec=SECONDS)
    record(service)
    return caught.value


def record(service: Webservice) -> None:
    """Keep what was seen for the unit tests, where ``RECORD`` names a folder."""
    if "RECORD" not in os.environ:
        return
    target: Any = service._services.target(service.record)
    mirror = target._open().mirror
    content = {kind: mirror.read(kind) for kind in ("Deployment", "Pod", "Event")}
    content["Node"] = target.connection.list("Node")[0]
    test = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].partition(" ")[0]
    file = Path(os.environ["RECORD"]) / f"{test.removeprefix('test_')}.json"
    file.write_text(json.dumps(content, indent=1))


def healthy(service: Webservice) -> bool:
    return service.state is ServiceState.HEALTHY


@pytest.mark.parametrize(
    ("asked", "reason", "words"),
    [
        ({"cpu": "64"}, Reason.INSUFFICIENT_CPU, "64 CPUs asked for by a pod, the largest node"),
        ({"memory": "9000Gi"}, Reason.INSUFFICIENT_MEMORY, "9000.0 GiB asked for by a pod"),
        (
            {"accelerators": {"example.com/fpga": 1}},
            Reason.INSUFFICIENT_ACCELERATOR,
            "1 'example.com/fpga' asked for by a pod, no node has any",
        ),
        (
            {"node_selector": {"disk": "none-has-it"}},
            Reason.NO_NODE,
            "the labels 'disk=none-has-it' are missing on",
        ),
    ],
)
def test_without_room_it_is_unschedulable(
    kit: ServiceKit, asked: dict[str, Any], reason: Reason, words: str
) -> None:
    service = kit.services.submit(kit.spec(**asked))
    error = fails(service)
    status = service.status
    assert (status.state, status.reason) == (ServiceState.UNSCHEDULABLE, reason)
    assert words in str(error)
    assert "Next: " in str(error)


def test_an_accelerator_that_a_node_has_is_scheduled(kit: ServiceKit, cluster: Cluster) -> None:
    nodes = [node.metadata.name for node in cluster.core.list_node().items]
    for part in ("capacity", "allocatable"):
        patch = [{"op": "add", "path": f"/status/{part}/example.com~1gpu", "value": "1"}]
        cluster.core.patch_node_status(nodes[0], patch)
    service = kit.services.submit(kit.spec(accelerators={"example.com/gpu": 1}))
    assert service.run([1]) == [1]
    second = kit.services.submit(kit.spec(name="second", accelerators={"example.com/gpu": 1}))
    assert "no node has that free now (the largest has 1 'example.com/gpu')" in str(fails(second))


def test_too_little_memory(kit: ServiceKit) -> None:
    script = """
        def init():
            global held
            held = [bytes(10_000_000) + b"x" for _ in range(100)]

        def run(raw_data):
            return 1
    """
    error = fails(kit.services.submit(kit.spec(script, memory="64Mi")))
    assert error.status is not None
    assert (error.status.state, error.status.reason) == (
        ServiceState.FAILED,
        Reason.OUT_OF_MEMORY,
    )
    assert "--memory" in str(error)


def test_a_pod_that_writes_more_than_it_may_is_put_out(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    room = {"type": "Container", "default": {"ephemeral-storage": "20Mi"}}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "little-disk", "namespace": namespace},
            "spec": {"limits": [room]},
        }
    )
    script = """
        from pathlib import Path

        def init():
            pass

        def run(raw_data):
            return Path("/tmp/much").write_bytes(bytes(60_000_000))
    """
    service = kit.services.submit(kit.spec(script))
    assert service.run("") == 60_000_000
    seen = []

    def put_out() -> bool:
        seen.append(service.status)
        return seen[-1].reason is Reason.EVICTED

    until(put_out, seconds=150)
    record(service)
    assert seen[-1].state is ServiceState.UNHEALTHY
    assert "wrote more than the '20Mi' that it may" in seen[-1].message
    assert "--ephemeral-storage" in seen[-1].next_step
    # The pod that was put out is kept to be looked at; it stands for nothing.
    until(lambda: healthy(service))
    until(lambda: [pod.ready for pod in service.status.replicas] == [True])
    service = kit.services.submit(kit.spec(says("two"), ephemeral_storage="100Mi"))
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run("") == "two"
    running = cluster.core.list_namespaced_pod(namespace, field_selector="status.phase=Running")
    limits = {pod.spec.containers[0].resources.limits["ephemeral-storage"] for pod in running.items}
    assert "100Mi" in limits
    until(lambda: healthy(service))
    service.stop()
    assert service.status.reason is Reason.STOPPED
    assert len(cluster.core.list_namespaced_pod(namespace).items) == 1


def test_a_start_that_takes_too_long(kit: ServiceKit) -> None:
    script = "import time\n\ndef init():\n    time.sleep(600)\n\ndef run(raw_data):\n    return 1\n"
    error = fails(kit.services.submit(kit.spec(script, start_timeout_seconds=3)))
    assert error.status is not None
    assert error.status.reason is Reason.INIT_TIMEOUT


def test_a_process_that_ends_by_itself_comes_back(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec(CRASHING))
    service.wait_for_deployment(timeout_sec=SECONDS)
    seen = []

    def crashed() -> bool:
        with pytest.raises(Exception):  # noqa: B017 - the connection breaks somehow
            service.run("x")
        seen.append(service.status)
        return seen[-1].reason is Reason.CRASHED

    until(crashed)
    record(service)
    assert seen[-1].state in (ServiceState.UNHEALTHY, ServiceState.FAILED)
    assert "exit code 7" in seen[-1].message
    until(lambda: healthy(service))
    assert service.status.replicas[0].restarts > 0


def test_a_quota_is_told(kit: ServiceKit, cluster: Cluster, namespace: str) -> None:
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "small", "namespace": namespace},
            "spec": {"hard": {"requests.memory": "600Mi"}},
        }
    )
    service = kit.services.submit(kit.spec(memory="700Mi"))
    error = fails(service)
    assert error.status is not None
    assert (error.status.state, error.status.reason) == (
        ServiceState.UNSCHEDULABLE,
        Reason.QUOTA,
    )
    assert "quota 'small' allows requests.memory=600Mi" in str(error)


def test_what_the_cluster_does_not_admit(kit: ServiceKit) -> None:
    error = fails(kit.services.submit(kit.spec(service_account="nobody")))
    assert error.status is not None
    assert (error.status.state, error.status.reason) == (ServiceState.FAILED, Reason.REFUSED)
    assert 'serviceaccount "nobody" not found' in str(error)
    # What is told is of the newest deployment, though Kubernetes keeps the words of the first.
    error = fails(kit.services.submit(kit.spec(service_account="somebody")))
    assert 'serviceaccount "somebody" not found' in str(error)
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run([1]) == [1]


def test_a_deleted_deployment_is_told_and_brought_back(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    from kubernetes import client

    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    client.AppsV1Api(cluster.api).delete_namespaced_deployment("svc", namespace)
    until(lambda: service.status.reason is Reason.CONTAINER_GONE)
    assert service.state is ServiceState.FAILED
    service.start()
    assert service.run([1]) == [1]


def test_an_update_that_fails_beside_one_that_answers(kit: ServiceKit) -> None:
    kit.services.submit(kit.spec(says("one"))).wait_for_deployment(timeout_sec=SECONDS)
    broken = "def init():\n    raise ValueError('no such model')\n\ndef run(raw_data):\n    pass\n"
    service = kit.services.submit(kit.spec(broken))
    error = fails(service)
    assert "Revision 1 still answers" in str(error)
    assert "ValueError: no such model" in str(error)
    service.delete()
    error = fails(kit.services.submit(kit.spec(broken)))
    assert error.status is not None
    assert (error.status.state, error.status.reason) == (ServiceState.FAILED, Reason.INIT_FAILED)
