"""Autoscaling by the requests in flight: what is built for it, and that it scales."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.errors import ConfigurationError
from mlmagic.targets.kubernetes.autoscaling import PAUSED
from mlmagic.targets.kubernetes.connection import Place, connect
from mlmagic.targets.kubernetes.examining import examine_cluster
from mlmagic.testing.contract import SECONDS, Load, until
from tests.kubernetes.adapter import custom_metrics
from tests.kubernetes.conftest import known

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.services import Webservice
    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
SLOW = """
    import time

    def init():
        pass

    def run(raw_data):
        time.sleep(0.5)
        return 1
"""
KINDS = (
    *("ConfigMap", "Secret", "Service", "Deployment", "ReplicaSet", "Pod", "PodDisruptionBudget"),
    *("HorizontalPodAutoscaler", "ScaledObject", "TriggerAuthentication"),
)
BOTH: dict[str, Any] = {"autoscale_max": 2, "autoscale_requests": 2}


def told(cluster: Cluster, namespace: str) -> tuple[str, str]:
    place = Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace)
    report = examine_cluster(place, name="prod", registry=None)
    (check,) = (each for each in report.checks if each.name == "requests in flight")
    return check.state, check.found


def deployed(kit: ServiceKit, script: str = SLOW, **config: Any) -> Webservice:
    service = kit.services.submit(kit.spec(script, **config))
    service.wait_for_deployment(timeout_sec=SECONDS)
    return service


def test_without_a_source_it_is_refused(kit: ServiceKit, cluster: Cluster, namespace: str) -> None:
    with pytest.raises(ConfigurationError, match="neither KEDA nor a custom metrics API") as caught:
        kit.services.submit(kit.spec(**BOTH))
    assert "the autoscaler goes by CPU" in str(caught.value)
    assert kit.services.names() == []
    assert cluster.core.list_namespaced_secret(namespace).items == []
    state, words = told(cluster, namespace)
    assert state == "optional"
    assert "--autoscale-requests is refused" in words


def test_keda_is_given_its_objects(shared_kit: ServiceKit, cluster: Cluster) -> None:
    target: Any = shared_kit.services.target(shared_kit.services.record("svc"))
    get, namespace = target.connection.get, target.connection.namespace
    with known(cluster, "keda.sh/v1alpha1", "ScaledObject", "TriggerAuthentication"):
        assert told(cluster, namespace)[0] == "ok"
        record = shared_kit.services.record("svc")
        plan = target.preview(shared_kit.spec(**BOTH), record=record)
        assert ("ScaledObject/svc", "", "created") in plan
        service = deployed(shared_kit, **BOTH)
        made = get("ScaledObject", "svc")
        (owner,) = made["metadata"]["ownerReferences"]
        assert owner["name"] == "svc-record"
        assert made["spec"]["maxReplicaCount"] == 2
        (trigger,) = made["spec"]["triggers"]
        assert trigger["metadata"]["targetValue"] == "2"
        # What KEDA is told leads to the figure.
        (reference,) = get("TriggerAuthentication", "svc")["spec"]["secretTargetRef"]
        secret = get("Secret", reference["name"])["data"][reference["key"]]
        assert base64.b64decode(secret).decode() == service.get_keys()[0]
        assert get("HorizontalPodAutoscaler", "svc") is None
        assert json.dumps(service.export()).count('"ScaledObject"') == 1

        changed = {**BOTH, "autoscale_requests": 3}
        deployed(shared_kit, **changed)
        assert get("ScaledObject", "svc")["spec"]["triggers"][0]["metadata"]["targetValue"] == "3"
        service.stop()
        assert get("ScaledObject", "svc")["metadata"]["annotations"][PAUSED] == "0"
        service.start()
        service.wait_for_deployment(timeout_sec=SECONDS)
        assert PAUSED not in get("ScaledObject", "svc")["metadata"].get("annotations", {})

        deployed(shared_kit, autoscale_max=2)
        assert get("ScaledObject", "svc") is None
        assert get("TriggerAuthentication", "svc") is None
        assert (
            get("HorizontalPodAutoscaler", "svc")["spec"]["metrics"][0]["type"]
            == "ContainerResource"
        )

        # A deletion leaves nothing, while the pods are still coming too.
        other = shared_kit.services.submit(shared_kit.spec(SLOW, name="other", **BOTH))
        until(lambda: get("ScaledObject", "other") is not None, seconds=SECONDS)
        other.delete()
        look = connect(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace)).list
        left = {
            kind: found
            for kind in KINDS
            if (found := look(kind, "app.kubernetes.io/name=other")[0])
        }
        assert left == {}


def test_the_autoscaler_goes_by_requests(
    shared_kit: ServiceKit, cluster: Cluster, tmp_path: Path
) -> None:
    """By a custom metrics API that is told by the pods; CPU is hardly used."""
    if cluster.directory is None:
        pytest.skip("this process is reached from our own node alone")
    service = deployed(shared_kit, autoscale_max=2)
    target: Any = shared_kit.services.target(service.record)
    namespace = target.connection.namespace
    with custom_metrics(cluster, namespace, service.get_keys()[0], tmp_path):
        state, words = told(cluster, namespace)
        assert (state, "a custom metrics API is there" in words) == ("ok", True)
        service = deployed(shared_kit, **BOTH)
        with Load(service, threads=6):
            until(lambda: service.status.replicas_ready == 2, seconds=120)
        made = target.connection.get("HorizontalPodAutoscaler", "svc")
        (metric,) = made["status"]["currentMetrics"]
        assert metric["pods"]["metric"]["name"] == "mlmagic_in_flight"
