"""The cluster can do what the other tests lean on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kubernetes import client

from mlmagic.testing.contract import until

if TYPE_CHECKING:
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes


def test_its_nodes_are_ready_and_measured(cluster: Cluster) -> None:
    ready = {
        node.metadata.name
        for node in cluster.core.list_node().items
        if any(each.type == "Ready" and each.status == "True" for each in node.status.conditions)
    }
    assert ready
    metrics = client.CustomObjectsApi(cluster.api)

    def measured() -> bool:
        try:
            found = metrics.list_cluster_custom_object("metrics.k8s.io", "v1beta1", "nodes")
        except client.ApiException:
            return False
        return {each["metadata"]["name"] for each in found["items"]} >= ready

    until(measured)


def test_its_namespaces_take_restricted_pods_alone(cluster: Cluster, namespace: str) -> None:
    pod = client.V1Pod(
        metadata=client.V1ObjectMeta(name="loose"),
        spec=client.V1PodSpec(containers=[client.V1Container(name="loose", image="loose")]),
    )
    with pytest.raises(client.ApiException, match="violates PodSecurity"):
        cluster.core.create_namespaced_pod(namespace, pod)
