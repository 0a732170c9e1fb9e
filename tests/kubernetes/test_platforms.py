"""What platform teams do with services: backups, removal by hand, users of their own choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.connection import Place, connect
from mlmagic.testing.contract import SECONDS, says, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic.targets.kubernetes.connection import Connection
    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster
    from tests.kubernetes.conftest import KitIn

pytestmark = pytest.mark.kubernetes
KINDS = ("ConfigMap", "Secret", "Service", "Deployment", "Pod", "PodDisruptionBudget")
# What the server put there; what is restored has none of it.
OF_THE_SERVER = ("uid", "resourceVersion", "managedFields", "creationTimestamp", "ownerReferences")


@pytest.fixture
def elsewhere(kit_in: KitIn, tmp_path: Path, namespace: str) -> Iterator[ServiceKit]:
    """Another workspace."""
    with kit_in(tmp_path / "elsewhere", namespace) as made:
        yield made


def connection_of(kit: ServiceKit) -> Connection:
    target: Any = kit.services._deployer.target("kubernetes")
    found: Connection = target.connection
    return found


def bare(item: dict[str, Any] | None) -> dict[str, Any]:
    assert item is not None
    kept = {key: value for key, value in item["metadata"].items() if key not in OF_THE_SERVER}
    return {**item, "metadata": kept}


def left(cluster: Cluster, namespace: str) -> list[str]:
    """What the namespace has of ours, as its administrator sees it."""
    look = connect(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace)).list
    found = ((kind, look(kind, naming.OURS)[0]) for kind in KINDS)
    return [f"{kind}/{each['metadata']['name']}" for kind, items in found for each in items]


def test_a_service_comes_back_from_its_backup_and_goes_with_its_record(
    kit: ServiceKit, elsewhere: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    service = kit.services.submit(kit.spec(says("one"), replicas=2, auth="key"))
    service.wait_for_deployment(timeout_sec=SECONDS)
    keys, connection = service.get_keys(), connection_of(kit)
    (deployment,) = (each for each in service.export() if each["kind"] == "Deployment")
    kept = [
        bare(connection.get("ConfigMap", "svc-record")),
        bare(connection.get("Secret", "svc-keys")),
        deployment,
    ]
    service.delete()
    assert left(cluster, namespace) == []

    for item in kept:
        connection.apply(item)
    attached = elsewhere.services.attach("svc", "kubernetes")
    attached.restart()
    attached.wait_for_deployment(timeout_sec=SECONDS)
    assert attached.run("") == "one"
    assert attached.get_keys() == keys

    cluster.core.delete_collection_namespaced_config_map(namespace, label_selector=naming.OURS)
    until(lambda: left(cluster, namespace) == [], seconds=SECONDS)


def test_another_user_and_group_may_run_it(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    """As OpenShift and policies set them; keys and secrets are read by the `fsGroup`."""
    script = """
        import os
        from pathlib import Path

        def init():
            Path("/tmp/init").write_text("")

        def run(raw_data):
            return [os.getuid(), os.getgid()]
    """
    service = kit.services.submit(kit.spec(script, auth="key"))
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run("") == [10001, 0]
    chosen = {"runAsUser": 20001, "runAsGroup": 20002, "fsGroup": 20003}
    change = {"spec": {"template": {"spec": {"securityContext": chosen}}}}
    apps = client.AppsV1Api(cluster.api)
    apps.patch_namespaced_deployment("svc", namespace, change, field_manager="platform-team")
    until(lambda: service.run("") == [20001, 20002], seconds=SECONDS)
    service.regen_key("Primary")
    assert service.run("") == [20001, 20002]
