"""The autoscaler of a service: by the CPU that is used, or by the scoring requests in flight."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError
from mlmagic.images.places import PORT
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.pods import CONTAINER

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.connection import Connection, Object
    from mlmagic.targets.kubernetes.release import Release

# What tells an autoscaler the requests in flight, by the API group that shows it is there.
KEDA, CUSTOM_METRICS = "keda.sh", "custom.metrics.k8s.io"
METRIC = "mlmagic_in_flight"
PAUSED = "autoscaling.keda.sh/paused-replicas"


def source_of_requests(connection: Connection) -> str:
    """Return what could tell an autoscaler the requests in flight; empty where nothing does."""
    groups = (connection.read("/apis") or {}).get("groups", [])
    there = {each["name"] for each in groups}
    # KEDA asks the pods itself; of the other API nobody knows whether it is fed from our pods.
    return next((source for source in (KEDA, CUSTOM_METRICS) if source in there), "")


def equipped(connection: Connection, release: Release) -> Release:
    """Add to a revision what its autoscaler goes by.

    Raises:
        ConfigurationError: Nothing in the cluster tells it.
    """
    if release.config.autoscale_requests is None:
        return release
    source = source_of_requests(connection)
    if not source:
        raise ConfigurationError(
            "The cluster has neither KEDA nor a custom metrics API, so that nothing tells an "
            f"autoscaler the requests in flight of '{release.spec.name}'.",
            hint="Leave out --autoscale-requests, and the autoscaler goes by CPU; or have KEDA, "
            "2.20 or later, installed.",
        )
    return replace(release, requests_from=source, namespace=connection.namespace)


def autoscaler(release: Release, metadata: Any) -> list[Object]:
    """Return the autoscaler of a service: an HPA, or what KEDA makes one from."""
    if release.requests_from == KEDA:
        return _scaled_object(release, metadata)
    return [_horizontal(release, metadata)]


def pause(connection: Connection, name: str, *, paused: bool) -> None:
    """Let KEDA leave a stopped service at no pods, or take care of it again."""
    change = {"metadata": {"annotations": {PAUSED: "0" if paused else None}}}
    connection.patch("ScaledObject", name, change)


def _horizontal(release: Release, metadata: Any) -> Object:
    from kubernetes import client as k8s

    from mlmagic.targets.kubernetes.objects import plain

    config = release.config
    if release.requests_from:
        metric = k8s.V2MetricSpec(
            type="Pods",
            pods=k8s.V2PodsMetricSource(
                metric=k8s.V2MetricIdentifier(name=METRIC),
                target=k8s.V2MetricTarget(
                    type="AverageValue", average_value=f"{config.autoscale_requests}"
                ),
            ),
        )
    else:
        target = k8s.V2MetricTarget(type="Utilization", average_utilization=config.autoscale_target)
        # Of our container alone: those that a mesh adds may have no request to be a percentage of.
        cpu = k8s.V2ContainerResourceMetricSource(container=CONTAINER, name="cpu", target=target)
        metric = k8s.V2MetricSpec(type="ContainerResource", container_resource=cpu)
    return plain(
        k8s.V2HorizontalPodAutoscaler(
            api_version="autoscaling/v2",
            kind="HorizontalPodAutoscaler",
            metadata=metadata,
            spec=k8s.V2HorizontalPodAutoscalerSpec(
                scale_target_ref=k8s.V2CrossVersionObjectReference(
                    api_version="apps/v1", kind="Deployment", name=release.spec.name
                ),
                min_replicas=config.autoscale_min or 1,
                max_replicas=config.autoscale_max or 1,
                metrics=[metric],
            ),
        )
    )


def _scaled_object(release: Release, metadata: Any) -> list[Object]:
    """KEDA's kinds are not among the types of the client."""
    from mlmagic.targets.kubernetes.objects import plain

    config, name = release.config, release.spec.name
    asked = {
        # KEDA takes Service and namespace from it, and then asks each pod at this port of the pod.
        "url": f"http://{name}.{release.namespace}.svc:{PORT}/metrics",
        "format": "prometheus",
        "valueLocation": METRIC,
        "targetValue": f"{config.autoscale_requests}",
        "aggregateFromKubeServiceEndpoints": "true",
        "aggregationType": "sum",
    }
    trigger: Object = {"type": "metrics-api", "metricType": "AverageValue", "metadata": asked}
    found = []
    if config.auth == "key":
        asked["authMode"] = "bearer"
        trigger["authenticationRef"] = {"name": name}
        secret = {"parameter": "token", "name": naming.keys_name(name), "key": naming.PRIMARY_KEY}
        found.append(_keda("TriggerAuthentication", metadata, {"secretTargetRef": [secret]}))
    spec = {
        "scaleTargetRef": {"name": name},
        "minReplicaCount": config.autoscale_min or 1,
        "maxReplicaCount": config.autoscale_max or 1,
        "triggers": [trigger],
    }
    return [plain(each) for each in (*found, _keda("ScaledObject", metadata, spec))]


def _keda(kind: str, metadata: Any, spec: Object) -> Object:
    return {"apiVersion": f"{KEDA}/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
