"""The NetworkPolicy of docs/kubernetes.md is one that a cluster takes, and is about our pods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from kubernetes import client

from mlmagic.images.places import PORT
from mlmagic.targets.kubernetes import naming

if TYPE_CHECKING:
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
PAGE = Path(__file__).parents[2] / "docs" / "kubernetes.md"


def test_it_is_accepted_and_selects_the_pods_of_services(cluster: Cluster, namespace: str) -> None:
    blocks = PAGE.read_text().split("```yaml\n")[1:]
    found = [yaml.safe_load(block.partition("```")[0]) for block in blocks]
    (policy,) = (each for each in found if each["kind"] == "NetworkPolicy")
    policy["metadata"]["namespace"] = namespace
    made = client.NetworkingV1Api(cluster.api).create_namespaced_network_policy(
        namespace, policy, dry_run="All", field_validation="Strict"
    )
    assert made.spec.policy_types == ["Ingress", "Egress"]
    assert made.spec.pod_selector.match_labels.items() <= naming.selector("svc").items()
    assert [port.port for rule in made.spec.ingress for port in rule.ports] == [PORT]
