"""The options of a deployment that only clusters have, and their keys in configuration files."""

from __future__ import annotations

from typing import Any

from mlmagic.options.option import Kind, Option, in_group
from mlmagic.options.values import gigabytes, read_integer


def _option(
    name: str,
    flags: tuple[str, ...],
    text: str,
    *,
    kind: Kind = "text",
    v1_key: str | None = None,
    **more: Any,
) -> Option:
    return Option(
        name=name,
        flags=flags,
        help=text,
        kind=kind,
        section="deployment",
        key=more.pop("key", name),
        v1_key=v1_key,
        **more,
    )


def _whole(
    name: str, flags: tuple[str, ...], text: str, v1_key: str | None = None, *, unit: str = ""
) -> Option:
    return _option(name, flags, text, kind="integer", minimum=1, v1_key=v1_key, unit=unit)


def span(value: Any) -> tuple[int, int]:
    """Read ``MIN:MAX``.

    Raises:
        ValueError: It is not that.
    """
    low, _, high = f"{value}".partition(":")
    return read_integer(low), read_integer(high)


def _no_tokens(value: bool) -> None:  # noqa: FBT001 - what was read
    if value:
        raise ValueError("tokens are not issued; keys are ('authEnabled': true)")


_PROBE = "livenessProbeRequirements"
_SCALER = "autoScaler"
_RESOURCES = "containerResourceRequirements"

_SCALING = (
    _whole(
        "replicas", ("--replicas", "--nr", "--num-replicas"), "pods, or workers of this machine",
        "numReplicas",
    ),
    _option(
        "autoscale", ("--autoscale",), "fewest and most pods of an autoscaler", convert=span,
        metavar="MIN:MAX",
    ),
    _option(
        "autoscale_enabled", ("--as", "--autoscale-enabled"), "the same in v1's words",
        kind="boolean", metavar="BOOL", v1_key=f"{_SCALER}.autoscaleEnabled",
    ),
    _whole(
        "autoscale_min", ("--mi", "--autoscale-min-replicas"), "fewest pods",
        f"{_SCALER}.minReplicas",
    ),
    _whole(
        "autoscale_max", ("--ma", "--autoscale-max-replicas"), "most pods",
        f"{_SCALER}.maxReplicas",
    ),
    _option(
        "autoscale_target", ("--autoscale-target", "--at", "--autoscale-target-utilization"),
        "percent of the CPUs asked for that the autoscaler aims at (default 70)",
        kind="integer", minimum=1, maximum=1000, v1_key=f"{_SCALER}.targetUtilization", unit="%",
    ),
    _whole(
        "autoscale_requests", ("--autoscale-requests",),
        "requests in flight per pod that the autoscaler aims at instead of CPU; needs KEDA or a "
        "custom metrics API",
    ),
)  # fmt: skip
_LIMITS = (
    _option(
        "cpu_limit", ("--cpu-limit", "--ccl", "--cpu-cores-limit"), "CPUs that a pod may use",
        kind="quantity", v1_key=f"{_RESOURCES}.cpuLimit", unit="CPUs",
    ),
    _option(
        "memory_limit", ("--memory-limit",), "memory that a pod may use (default: --memory)",
        kind="quantity", unit="bytes",
    ),
    _option(
        "memory_limit", ("--gbl", "--memory-gb-limit"), "the same in v1's unit, gigabytes",
        kind="number", metavar="GB", key="memory_gb_limit", unit="GB",
        v1_key=f"{_RESOURCES}.memoryInGBLimit", convert=gigabytes,
    ),
    _option(
        "ephemeral_storage", ("--ephemeral-storage",),
        "disk of its node that a pod asks for, and may use for /tmp and its log (default: none, "
        "without a limit)",
        kind="quantity", unit="bytes",
    ),
    _option(
        "accelerators", ("--accelerator",), "an extended resource and how many a pod gets",
        kind="pair", metavar="NAME=N",
    ),
)  # fmt: skip
_PROBES = (
    _whole(
        "start_timeout_seconds", ("--start-timeout",), "seconds that init() may take (default 600)",
        unit="s",
    ),
    _whole(
        "liveness_period_seconds", ("--ps", "--period-seconds"),
        "seconds between two looks whether a pod lives (default 10)", f"{_PROBE}.periodSeconds",
        unit="s",
    ),
    _option(
        "liveness_delay_seconds", ("--id", "--initial-delay-seconds"),
        "seconds until the first look", kind="integer", minimum=0,
        v1_key=f"{_PROBE}.initialDelaySeconds", unit="s",
    ),
    _whole(
        "liveness_timeout_seconds", ("--ts", "--timeout-seconds"),
        "seconds that an answer may take (default 2)", f"{_PROBE}.timeoutSeconds",
        unit="s",
    ),
    _option(
        "liveness_successes", ("--st", "--success-threshold"),
        "answers that make a pod alive again; Kubernetes allows 1", kind="integer", minimum=1,
        maximum=1, v1_key=f"{_PROBE}.successThreshold",
    ),
    _whole(
        "liveness_failures", ("--ft", "--failure-threshold"),
        "looks without an answer after which a pod is started anew (default 3)",
        f"{_PROBE}.failureThreshold",
    ),
    _whole(
        "pre_stop_seconds", ("--pre-stop",),
        "seconds that a pod which ends still takes requests (default 3); 30 and more behind load "
        "balancers of clouds",
        unit="s",
    ),
)  # fmt: skip
_NETWORK = (
    _option(
        "service_type", ("--service-type",), "how the Kubernetes Service is reached",
        kind="choice", choices=("ClusterIP", "NodePort", "LoadBalancer"),
    ),
    _option("ingress_host", ("--ingress-host",), "host name of an Ingress", metavar="HOST"),
    _option("ingress_class", ("--ingress-class",), "class of the Ingress"),
    _option("ingress_tls_secret", ("--ingress-tls-secret",), "Secret with its certificate"),
    _option(
        "gateway", ("--gateway",), "Gateway that carries a route instead of an Ingress",
        metavar="[NAMESPACE/]NAME[:LISTENER]",
    ),
    _option(
        "external_address", ("--external-address",),
        "address by which callers come, where something before the service gives it one",
        metavar="https://HOST",
    ),
)  # fmt: skip
_OBJECTS = (
    _option("namespace", ("--namespace",), "namespace of the cluster", v1_key="namespace"),
    _option(
        "image_registry", ("--image-registry",), "where the image is pushed", metavar="HOST/PATH"
    ),
    _option(
        "image_pull_secret", ("--image-pull-secret",), "Secret with which nodes pull the image"
    ),
    _option(
        "node_selector", ("--node-selector",), "a label that nodes must have", kind="pair"
    ),
    _option(
        "tolerations", ("--toleration",), "a taint of nodes that is tolerated; may be repeated",
        repeat=True, metavar="KEY[=VALUE][:EFFECT]",
    ),
    _option("service_account", ("--service-account",), "service account of the pods"),
    _option("priority_class", ("--priority-class",), "priority class of the pods"),
    _option("labels", ("--label",), "a label of all objects; may be repeated", kind="pair"),
    _option(
        "annotations", ("--annotation",), "an annotation of Service and Ingress; may be repeated",
        kind="pair",
    ),
    _option(
        "token_auth_enabled", ("--token-auth-enabled",), "refused: only keys are issued",
        kind="boolean", metavar="BOOL", v1_key="tokenAuthEnabled", convert=_no_tokens,
    ),
)  # fmt: skip

CLUSTER = (
    *in_group("scaling", *_SCALING),
    *in_group("resources", *_LIMITS),
    *in_group("start, probes and end", *_PROBES),
    *in_group("network of a cluster", *_NETWORK),
    *in_group("objects of a cluster", *_OBJECTS),
)
