"""What the objects of a service are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.entities import KubernetesDeploymentConfig
from mlmagic.targets import base

if TYPE_CHECKING:
    from mlmagic.entities import DeploymentSpec

# Stands for an image where none is made yet: what is asked of the server does not depend on it.
NO_IMAGE = "image.invalid/not-built-yet@sha256:" + "0" * 64
_DEFAULT_CPU, _DEFAULT_MEMORY = "100m", "512Mi"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision as it goes to the cluster.

    Attributes:
        spec: The specification.
        revision: Its number.
        image: Reference of the image, with its digest.
        pods_revision: Revision whose pods are the same; only a change of the pods replaces them.
        restarted: When a restart was asked for last; empty where it never was.
        owner: The record's ConfigMap, for ``ownerReferences``; None leaves them out.
        pull_secret: Secret of ours with the registry's credentials; empty where none is needed.
        requests_from: What tells its autoscaler the requests in flight; empty where it goes by CPU.
        namespace: Where the objects lie; known where an object names it.
    """

    spec: DeploymentSpec
    revision: int
    image: str
    pods_revision: int = 0
    restarted: str = ""
    owner: dict[str, Any] | None = None
    pull_secret: str = ""
    requests_from: str = ""
    namespace: str = ""

    @property
    def config(self) -> KubernetesDeploymentConfig:
        """The configuration."""
        return config_of(self.spec)


def config_of(spec: DeploymentSpec) -> KubernetesDeploymentConfig:
    """Return the configuration of a specification for Kubernetes.

    Raises:
        ConfigurationError: It is for another kind of target.
    """
    return base.config_of(spec, KubernetesDeploymentConfig)


def autoscales(config: KubernetesDeploymentConfig) -> bool:
    """Whether the number of pods is left to an autoscaler."""
    return config.autoscale_max is not None


def first_replicas(config: KubernetesDeploymentConfig) -> int:
    """Return how many pods there are at first."""
    return config.replicas or config.autoscale_min or 1


def requests_of(config: KubernetesDeploymentConfig) -> dict[str, str]:
    """Return what a pod asks a node for, by resource; something where nothing is said."""
    accelerators = {name: f"{count}" for name, count in config.accelerators.items()}
    return {
        "cpu": config.cpu or _DEFAULT_CPU,
        "memory": config.memory or _DEFAULT_MEMORY,
        **accelerators,
    }
