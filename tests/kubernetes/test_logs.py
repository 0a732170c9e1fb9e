"""Logs of several pods, followed while pods come and go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from kubernetes import client

from mlmagic.targets.kubernetes.connection import Place, connect
from mlmagic.testing.contract import SECONDS, Load, until

if TYPE_CHECKING:
    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
TALKING = """
    import os

    def init():
        print("began", os.uname().nodename)

    def run(raw_data):
        print("scored", os.uname().nodename)
        return "one"
"""


def test_all_pods_are_followed_and_an_evicted_one_costs_no_request(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    service = kit.services.submit(kit.spec(TALKING, replicas=2))
    service.wait_for_deployment(timeout_sec=SECONDS)
    old = {pod.name for pod in service.status.replicas}
    lines: list[str] = []

    def follow() -> None:
        lines.extend(service.follow_logs(50, timeout=300))

    def told(word: str) -> set[str]:
        """The pods that said a word, each line behind the end of its own pod's name."""
        names = {line.rpartition(" ")[2] for line in list(lines) if f" {word} " in f" {line}"}
        tags = {line.partition("]")[0].removeprefix("[") for line in list(lines) if word in line}
        assert tags == {name.rpartition("-")[2] for name in names}
        return names

    follower = threading.Thread(target=follow)
    follower.start()
    until(lambda: told("began") == old)
    with Load(service) as load:
        until(lambda: told("scored") == old)
        victim = min(old)
        cluster.core.create_namespaced_pod_eviction(
            victim,
            namespace,
            client.V1Eviction(metadata=client.V1ObjectMeta(name=victim, namespace=namespace)),
        )
        until(lambda: len(told("scored") - old) == 1)
    assert load.errors == []
    assert set(load.answers) == {"one"}
    service.delete()
    follower.join(timeout=60)
    assert not follower.is_alive()


def test_a_container_of_somebody_else_hides_no_log(
    cluster: Cluster, namespace: str, base_image: str
) -> None:
    """Meshes put containers of their own into each pod."""
    restricted = {
        "runAsUser": 1000,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    containers = [
        {
            "name": name,
            "image": base_image,
            "command": ["sh", "-c", f"echo {name} writes; exec sleep 60"],
            "securityContext": restricted,
        }
        for name in ("istio-proxy", "server")
    ]
    pod = {"metadata": {"name": "svc"}, "spec": {"containers": containers}}
    cluster.core.create_namespaced_pod(namespace, pod)
    connection = connect(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace))
    until(lambda: connection.log("svc", lines=5).endswith(" server writes\n"))
    stream = connection.follow_log("svc")
    assert next(stream.lines()).endswith(" server writes")
    stream.close()
