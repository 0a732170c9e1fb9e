"""How a service runs on each kind of compute target."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

Authentication = Literal["key", "none"]


class DeploymentConfig(ABC):
    """How a service runs; one frozen dataclass for each kind of compute target.

    Attributes:
        compute_type: The kind: ``local``, ``docker`` or ``kubernetes``.
        port: 1-65535; None lets the target choose.
        auth: ``key`` guards scoring with two keys, ``none`` does not.
        cpu: Kubernetes quantity of CPUs (``500m``, ``2``); None sets no limit.
        memory: Kubernetes quantity of bytes (``512Mi``, ``1G``); None sets no limit.
        workers: Worker processes.
        threads: Threads a worker scores on; None adapts.
        scoring_timeout_ms: Milliseconds until a request is given up.
        queue_wait_ms: Milliseconds that a request may wait for ``run()``, then it is answered with
            503; None lets it wait for as long as it may run.
    """

    compute_type: str
    port: int | None
    auth: Authentication
    cpu: str | None
    memory: str | None
    workers: int
    threads: int | None
    scoring_timeout_ms: int
    queue_wait_ms: int | None

    @classmethod
    def from_builtins(cls, value: dict[str, Any]) -> DeploymentConfig:
        """Read what a record holds; records of the first version are of local services.

        Raises:
            ValueError: There is no such kind, or a value is wrong.
        """
        return config_class(value.get("compute_type", "local")).from_values(value)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """Make a configuration of this kind.

        Raises:
            msgspec.ValidationError: A value is wrong.
        """
        import msgspec

        # msgspec leaves defaults to the class, where nothing that writes records finds them.
        return replace(msgspec.convert(values, cls))  # type: ignore[type-var] # subclasses are


@dataclass(frozen=True, kw_only=True)
class LocalDeploymentConfig(DeploymentConfig):
    """How a service runs as processes of this machine.

    Attributes:
        address: Interface to listen on.
    """

    compute_type: Literal["local"] = "local"
    port: int | None = None
    address: str = "127.0.0.1"
    auth: Authentication = "key"
    cpu: str | None = None
    memory: str | None = None
    workers: int = 1
    threads: int | None = None
    scoring_timeout_ms: int = 60_000
    queue_wait_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class DockerDeploymentConfig(DeploymentConfig):
    """How a service runs as a container.

    Attributes:
        port: Port of the engine's host; None takes a free one.
        address: Interface of the engine's host to listen on.
        base_image: Image that the service's own is built on; None takes one by Python's version.
        base_dockerfile: Lines of a Dockerfile that make the base image.
        standalone_python: A build of Python for a base that has none, ``ADDRESS#sha256=DIGEST``.
        networks: Networks of the engine that the service joins besides its own.
        dns_name_label: Name of the container and of its alias in the networks; None takes the
            service's.
        restart: The engine's restart policy.
        gpus: GPUs to give to the container: a number, or ``all``.
        volumes: Mounts, ``SOURCE:TARGET[:ro]``.
    """

    compute_type: Literal["docker"] = "docker"
    port: int | None = None
    address: str = "127.0.0.1"
    auth: Authentication = "key"
    cpu: str | None = None
    memory: str | None = None
    workers: int = 1
    threads: int | None = None
    scoring_timeout_ms: int = 60_000
    queue_wait_ms: int | None = None
    base_image: str | None = None
    base_dockerfile: str | None = None
    standalone_python: str | None = None
    networks: tuple[str, ...] = ()
    dns_name_label: str | None = None
    restart: Literal["unless-stopped", "always", "on-failure", "no"] = "unless-stopped"
    gpus: str | None = None
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KubernetesDeploymentConfig(DeploymentConfig):
    """How a service runs as pods of a cluster.

    Attributes:
        namespace: Where the objects lie; None takes the target's.
        port: Port of the Kubernetes Service; None takes 80.
        cpu: CPUs that a pod asks for; None asks for 100m.
        cpu_limit: CPUs that a pod may use; None sets no limit.
        memory: Memory that a pod asks for; None asks for 512Mi.
        memory_limit: Memory that a pod may use; None takes ``memory`` where that is given.
        ephemeral_storage: Disk of the node that a pod asks for, and may use for ``/tmp`` and its
            log; None asks for none and sets no limit.
        accelerators: Extended resources, such as ``nvidia.com/gpu``, and how many a pod gets.
        replicas: Pods; None is 1, and leaves the number to the autoscaler where there is one.
        autoscale_min: Fewest pods of the autoscaler; None where there is none.
        autoscale_max: Most pods of the autoscaler.
        autoscale_target: Percent of the CPUs asked for that the autoscaler aims at.
        autoscale_requests: Scoring requests in flight per pod that it aims at instead of CPU.
        start_timeout_seconds: Seconds that start, ``init()`` and sample may take together.
        liveness_period_seconds: Seconds between two looks whether the server lives.
        liveness_delay_seconds: Seconds from the start of the server to the first look.
        liveness_timeout_seconds: Seconds that an answer may take.
        liveness_failures: Looks without an answer after which a pod is started anew.
        pre_stop_seconds: Seconds that a pod which ends still takes requests, until all before it
            have left it out.
        service_type: How the Service is reached.
        ingress_host: Host name of an Ingress, or of an HTTPRoute with ``gateway``.
        ingress_class: Class of the Ingress; None takes the cluster's default.
        ingress_tls_secret: Secret with the certificate of the Ingress.
        gateway: Gateway that carries an HTTPRoute instead of an Ingress,
            ``[NAMESPACE/]NAME[:LISTENER]``; without a listener at all of them.
        external_address: Address by which callers come, ``https://HOST[:PORT][/PATH]``, where what
            is before the service gives it one that the cluster does not tell.
        base_image: As for containers.
        base_dockerfile: As for containers.
        standalone_python: As for containers.
        image_registry: Where the service's image is pushed, ``HOST/PATH``.
        image_pull_secret: Secret of the namespace with which nodes pull the image.
        node_selector: Labels that a node must have.
        tolerations: Taints of nodes that are tolerated, ``KEY[=VALUE][:EFFECT]``.
        service_account: Account of the pods; None is the namespace's default, without a token.
        priority_class: Priority of the pods.
        labels: Further labels of all objects.
        annotations: Further annotations of Service, Ingress and route.
    """

    compute_type: Literal["kubernetes"] = "kubernetes"
    namespace: str | None = None
    port: int | None = None
    auth: Authentication = "key"
    cpu: str | None = None
    cpu_limit: str | None = None
    memory: str | None = None
    memory_limit: str | None = None
    ephemeral_storage: str | None = None
    accelerators: dict[str, int] = field(default_factory=dict)
    workers: int = 1
    threads: int | None = None
    scoring_timeout_ms: int = 60_000
    queue_wait_ms: int | None = None
    replicas: int | None = None
    autoscale_min: int | None = None
    autoscale_max: int | None = None
    autoscale_target: int = 70
    autoscale_requests: int | None = None
    start_timeout_seconds: int = 600
    liveness_period_seconds: int = 10
    liveness_delay_seconds: int = 0
    liveness_timeout_seconds: int = 2
    liveness_failures: int = 3
    pre_stop_seconds: int = 3
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    ingress_host: str | None = None
    ingress_class: str | None = None
    ingress_tls_secret: str | None = None
    gateway: str | None = None
    external_address: str | None = None
    base_image: str | None = None
    base_dockerfile: str | None = None
    standalone_python: str | None = None
    image_registry: str | None = None
    image_pull_secret: str | None = None
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[str, ...] = ()
    service_account: str | None = None
    priority_class: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


_CONFIGS: dict[str, type[DeploymentConfig]] = {
    "local": LocalDeploymentConfig,
    "docker": DockerDeploymentConfig,
    "kubernetes": KubernetesDeploymentConfig,
}


def config_class(compute_type: str) -> type[DeploymentConfig]:
    """Return the configuration of a kind of compute target.

    Raises:
        ValueError: There is no such kind.
    """
    try:
        return _CONFIGS[compute_type]
    except KeyError:
        known = ", ".join(_CONFIGS)
        raise ValueError(f"there is no compute type '{compute_type}'; known are {known}") from None
