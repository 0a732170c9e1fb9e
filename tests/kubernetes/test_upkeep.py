"""Pods that go, or hang, while the service is asked."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import TargetError
from mlmagic.services.scoring_requests import post
from mlmagic.testing.contract import SECONDS, Load, until

if TYPE_CHECKING:
    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
# Nothing of a Python moves while a call of C keeps its lock: neither probes nor signals are heard.
HANGING = """
    import ctypes

    def init():
        pass

    def run(raw_data):
        if "hang" in raw_data:
            ctypes.PyDLL(None).sleep(20)
        return raw_data
"""


def test_a_pod_that_is_deleted_loses_no_request_and_one_that_hangs_is_replaced(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    spec = kit.spec(
        HANGING,
        replicas=2,
        liveness_period_seconds=2,
        liveness_timeout_seconds=1,
        liveness_failures=4,
    )
    service = kit.services.submit(spec)
    service.wait_for_deployment(timeout_sec=SECONDS)

    gone = service.status.replicas[0].name
    with Load(service) as load:
        until(lambda: len(load.answers) > 5)
        cluster.core.delete_namespaced_pod(gone, namespace)
        until(lambda: gone not in {pod.name for pod in service.status.replicas})
        until(lambda: service.state is ServiceState.HEALTHY)
        before = len(load.answers)
        until(lambda: len(load.answers) > before + 5)
    assert load.errors == []

    assert service.run([1]) == "[1]"  # the first one waits until all are up
    uri = service.internal_uri
    assert uri is not None
    with pytest.raises(Exception):  # noqa: B017 - nobody answers, somehow
        post(uri, b'"hang"', "application/json", key=service.get_keys()[0], timeout=3)
    seen: list[Any] = []

    def told(words: str) -> bool:
        seen.append(service.status)
        return seen[-1].reason is Reason.NOT_ANSWERING and words in seen[-1].message

    until(lambda: told("1 of 2 pods ready"))
    assert seen[-1].state is ServiceState.UNHEALTHY
    assert service.run([1]) == "[1]"
    until(lambda: told("1 of 2 pods ready; the liveness probe failed"))
    until(lambda: service.state is ServiceState.HEALTHY)
    assert sorted(pod.restarts for pod in service.status.replicas) == [0, 1]


def test_one_port_is_forwarded_for_all_handles_until_the_service_goes(kit: ServiceKit) -> None:
    service = kit.services.submit(kit.spec())
    assert service.run([1]) == [1]
    uri = service.internal_uri or ""
    assert kit.services.get("svc").internal_uri == uri
    port = int(uri.rpartition(":")[2].partition("/")[0])
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    service.delete()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_quota_that_is_used_up_is_told_before_anything_is_there(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    hard = {"count/configmaps": "1"}  # the cluster's own takes it
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "full", "namespace": namespace},
            "spec": {"hard": hard},
        }
    )
    until(
        lambda: (
            cluster.core.read_namespaced_resource_quota("full", namespace).status.used
            == {"count/configmaps": "1"}
        )
    )
    words = "The quota of the namespace does not allow it: .*exceeded quota: full"
    with pytest.raises(TargetError, match=words):
        kit.services.submit(kit.spec())
    assert kit.services.names() == []
    assert cluster.core.list_namespaced_secret(namespace).items == []
