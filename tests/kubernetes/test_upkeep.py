"""Pods that go, or hang, while the service is asked."""

from __future__ import annotations

import gc
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import TargetError
from mlmagic.services import Services, watch
from mlmagic.services.scoring_requests import JSON_TYPE, post
from mlmagic.targets.kubernetes import KubernetesTarget
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


def is_open(uri: str) -> bool:
    port = int(uri.rpartition(":")[2].partition("/")[0])
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def is_listening() -> bool:
    return any(t.name.startswith("mlmagic-forward-") for t in threading.enumerate())


def test_one_port_is_forwarded_for_all_handles_until_none_is_left(kit: ServiceKit) -> None:
    target: Any = kit.services.target(kit.services.submit(kit.spec()).record)
    target._addresses.grace = 1.0
    service = kit.services.get("svc")
    assert service.run([1]) == [1]
    uri = service.internal_uri or ""
    # The magics of a notebook and its code have a workspace each.
    parts: Any = {"content": kit.content, "environments": kit.environments}
    beside = KubernetesTarget(kit.root, place=target._place, **parts)
    elsewhere = Services(kit.root, targets={"kubernetes": beside}, **parts)
    other: Any = elsewhere.get("svc")
    assert other.internal_uri == kit.services.get("svc").internal_uri == uri
    del service
    gc.collect()
    assert other.run([1]) == [1]
    key = other.get_keys()[0]
    stop = watch(other, lambda _: None)
    del other
    gc.collect()
    assert is_listening()  # for who watches
    stop()
    until(lambda: not is_listening())
    assert not is_open(uri)

    # An address is of use without the handle, and the same where it can be.
    assert kit.services.get("svc").internal_uri == uri
    assert post(uri, b"[1]", JSON_TYPE, key=key, timeout=SECONDS).body == b"[1]"
    with kit.services.get("svc") as held, kit.services.get("svc") as second:
        assert held.internal_uri == second.internal_uri == uri
        second.close()
        assert is_open(uri)
    assert not is_open(uri)
    until(lambda: not is_listening())

    service = kit.services.get("svc")
    assert service.run([1]) == [1]
    service.delete()
    assert not is_open(uri)
    until(lambda: not is_listening())
    beside.close()


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
