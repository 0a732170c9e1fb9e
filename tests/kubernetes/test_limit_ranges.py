"""What we say of LimitRanges is what the server does with the pods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import ApiException

from mlmagic.entities import KubernetesDeploymentConfig as Config
from mlmagic.errors import ConfigurationError
from mlmagic.registry import ContentStore
from mlmagic.targets.kubernetes.applying import apply_release
from mlmagic.targets.kubernetes.connection import Place, connect
from mlmagic.targets.kubernetes.faults import way_out
from mlmagic.targets.kubernetes.limit_ranges import examine_limits, within
from mlmagic.targets.kubernetes.objects import manifests
from mlmagic.targets.kubernetes.recording import keep_record
from mlmagic.targets.kubernetes.release import Release
from mlmagic.targets.kubernetes.target import KubernetesTarget
from mlmagic.testing.contract import until
from tests.unit.targets.kubernetes.examples import make_record, make_spec

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.environments import Environments
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes


def container(**limits: dict[str, str]) -> dict[str, Any]:
    return {"type": "Container", **limits}


def refusal(cluster: Cluster, namespace: str, release: Release) -> str:
    """Let the server say what it has against a pod of a release; nothing where it takes it."""
    (deployment,) = [each for each in manifests(release) if each["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    pod = {**template, "metadata": {**template["metadata"], "name": "pod"}}
    try:
        cluster.core.create_namespaced_pod(namespace, pod, dry_run="All")
    except ApiException as error:
        return str(error.body)
    return ""


@pytest.mark.parametrize(
    ("limits", "config", "wrong"),
    [
        (container(default={"memory": "256Mi"}), Config(), ""),
        (container(default={"cpu": "50m", "memory": "1Gi"}), Config(), ""),
        (container(max={"memory": "300Mi"}), Config(), ""),
        (container(min={"memory": "600Mi"}), Config(), ""),
        (container(default={"memory": "2Gi"}, maxLimitRequestRatio={"memory": "2"}), Config(), ""),
        (
            container(default={"cpu": "500m"}),
            Config(cpu="1"),
            "1 of cpu is asked for, and the limit by default is 500m",
        ),
        (container(default={"cpu": "500m"}), Config(cpu="1", cpu_limit="1"), ""),
        (
            container(max={"memory": "300Mi"}),
            Config(memory="1Gi"),
            "allows a container no more than 300Mi of memory, and the limit is 1Gi",
        ),
        (
            container(min={"memory": "1Gi"}),
            Config(memory="512Mi", memory_limit="2Gi"),
            "no less than 1Gi of memory, and 512Mi is asked for",
        ),
        (
            {"type": "Pod", "max": {"memory": "1Gi"}},
            Config(),
            "allows a pod no more than 1Gi of memory, and no limit is given",
        ),
        ({"type": "Pod", "max": {"memory": "1Gi"}}, Config(memory="1Gi"), ""),
        (
            [container(default={"memory": "2Gi"}), {"type": "Pod", "max": {"memory": "1Gi"}}],
            Config(),
            "allows a pod no more than 1Gi of memory, and the limit is 2Gi",
        ),
        (
            [
                container(default={"memory": "256Mi"}),
                {"type": "Pod", "min": {"memory": "300Mi"}},
            ],
            Config(),
            "no less than 300Mi of memory, and 256Mi is asked for",
        ),
        (container(min={"memory": "600Mi"}), Config(memory_limit="1Gi"), ""),
        (container(maxLimitRequestRatio={"cpu": "4"}), Config(cpu_limit="1"), ""),
        (
            container(maxLimitRequestRatio={"cpu": "4"}),
            Config(cpu="100m", cpu_limit="1"),
            "at most 4 times the cpu asked for, and 1 over 100m",
        ),
        (container(default={"ephemeral-storage": "1Gi"}), Config(), ""),
        (container(max={"ephemeral-storage": "1Gi"}), Config(ephemeral_storage="1Gi"), ""),
        (
            container(max={"ephemeral-storage": "1Gi"}),
            Config(ephemeral_storage="2Gi"),
            "no more than 1Gi of ephemeral-storage, and the limit is 2Gi",
        ),
        (
            container(min={"ephemeral-storage": "1Gi"}),
            Config(ephemeral_storage="500Mi"),
            "no less than 1Gi of ephemeral-storage, and 500Mi is asked for",
        ),
    ],
)
def test_a_pod_is_told_what_the_server_would(
    cluster: Cluster, namespace: str, limits: Any, config: Config, wrong: str
) -> None:
    meta = {"name": "sizes", "namespace": namespace}
    kind = {"apiVersion": "v1", "kind": "LimitRange"}
    items = limits if isinstance(limits, list) else [limits]
    cluster.apply({**kind, "metadata": meta, "spec": {"limits": items}})
    connection = connect(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace))
    release = Release(spec=make_spec(config), revision=1, image="registry.example.com/svc:1")
    if wrong:
        with pytest.raises(ConfigurationError, match=wrong):
            within(connection, release)
        assert "Deploy with" in way_out(refusal(cluster, namespace, release))
    else:
        assert refusal(cluster, namespace, within(connection, release)) == ""
    assert {check.name for check in examine_limits(connection)} == {"limit range 'sizes'"}


def test_a_quota_of_limits_wants_some(cluster: Cluster, namespace: str) -> None:
    meta = {"name": "small", "namespace": namespace}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta}
    cluster.apply({**quota, "spec": {"hard": {"limits.memory": "4Gi"}}})
    until(lambda: cluster.core.read_namespaced_resource_quota("small", namespace).status.hard)
    connection = connect(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace))
    release, sized = (
        Release(spec=make_spec(config), revision=1, image="registry.example.com/svc:1")
        for config in (Config(), Config(memory="512Mi"))
    )
    with pytest.raises(ConfigurationError, match="'small' wants a limit of memory, and none is"):
        within(connection, release)
    said = refusal(cluster, namespace, release)
    assert way_out(said) == "Deploy with limits: --cpu 0.1:1 --memory 512Mi"
    assert refusal(cluster, namespace, within(connection, sized)) == ""


def test_a_quota_that_came_later_refuses_no_export(
    cluster: Cluster, namespace: str, environments: Environments, tmp_path: Path
) -> None:
    place = Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace)
    content = ContentStore(tmp_path)
    target = KubernetesTarget(tmp_path, content=content, environments=environments, place=place)
    record = make_record()
    meta = {"name": "sizes", "namespace": namespace}
    sizes = {"apiVersion": "v1", "kind": "LimitRange", "metadata": meta}
    cluster.apply({**sizes, "spec": {"limits": [container(default={"cpu": "50m"})]}})
    kept = keep_record(target.connection, record)
    apply_release(target.connection, replace(kept, image="registry.example.com/svc:1"))
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta}
    cluster.apply({**quota, "spec": {"hard": {"limits.memory": "4Gi"}}})
    (deployment,) = [each for each in target.export(record) if each["kind"] == "Deployment"]
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    assert server["resources"] == {"requests": {"memory": "512Mi"}}
