"""What the objects of a service are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.entities import KubernetesDeploymentConfig
from mlmagic.targets import base

if TYPE_CHECKING:
    from mlmagic.entities import DeploymentSpec

_NOT_BUILT = "not-built-yet@sha256:" + "0" * 64
# Stands for an image where it is not asked for.
NO_IMAGE = f"image.invalid/{_NOT_BUILT}"
ARCHITECTURE = "kubernetes.io/arch"
# Options that give a pod a limit, by resource.
LIMITS = {"cpu": "--cpu 0.1:1", "memory": "--memory 512Mi"}
DISK, DISK_OPTION = "ephemeral-storage", "--ephemeral-storage 1Gi"
_DEFAULT_CPU, _DEFAULT_MEMORY = "100m", "512Mi"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision as it goes to the cluster.

    Attributes:
        spec: The specification.
        revision: Its number.
        image: Reference of the image, with its digest.
        pods_revision: Revision whose pods are the same; only a change of the pods replaces them.
        is_new: Whether there is no Deployment yet: it is made with as many pods as it shall have.
        restarted: When a restart was asked for last; empty where it never was.
        owner: The record's ConfigMap, for ``ownerReferences``; None leaves them out.
        pull_secret: Secret of ours with the registry's credentials; empty where none is needed.
        account: Service account of the pods where the configuration names none; empty for the
            namespace's own choice.
        account_secrets: What the pods' service account names, beside which ours would hide it.
        architecture: What processors its pods are kept to: the image's, where nodes have others or
            are not known; empty where all have it.
        left_out: Resources for which a pod asks what a LimitRange of the namespace gives it.
        requests_from: What tells its autoscaler the requests in flight; empty where it goes by CPU.
        namespace: Where the objects lie; known where an object names it.
    """

    spec: DeploymentSpec
    revision: int
    image: str
    pods_revision: int = 0
    is_new: bool = False
    restarted: str = ""
    owner: dict[str, Any] | None = None
    pull_secret: str = ""
    account: str = ""
    account_secrets: tuple[str, ...] = ()
    architecture: str = ""
    left_out: tuple[str, ...] = ()
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


def image_to_come(spec: DeploymentSpec, registry: str | None) -> str:
    """Return what stands for an image that is not made yet; policies allow registries by name."""
    return f"{registry}/{spec.name}:{_NOT_BUILT}" if registry else NO_IMAGE


def autoscales(config: KubernetesDeploymentConfig) -> bool:
    """Whether the number of pods is left to an autoscaler."""
    return config.autoscale_max is not None


def first_replicas(config: KubernetesDeploymentConfig) -> int:
    """Return how many pods there are at first; `check_config` keeps them within an autoscaler's."""
    return config.replicas or config.autoscale_min or 1


def requests_of(config: KubernetesDeploymentConfig) -> dict[str, str]:
    """Return what a pod asks a node for, by resource; something where nothing is said."""
    sizes = {"cpu": config.cpu or _DEFAULT_CPU, "memory": config.memory or _DEFAULT_MEMORY}
    return sizes | _asked_and_allowed(config)


def limits_of(config: KubernetesDeploymentConfig) -> dict[str, str]:
    """Return what a pod may use, by resource, as far as a limit is asked for."""
    limits = {"cpu": config.cpu_limit, "memory": config.memory_limit or config.memory}
    return {name: value for name, value in limits.items() if value} | _asked_and_allowed(config)


def _asked_and_allowed(config: KubernetesDeploymentConfig) -> dict[str, str]:
    """Return the resources whose limit is what a pod asks for."""
    found = {name: f"{count}" for name, count in config.accelerators.items()}
    if config.ephemeral_storage is not None:
        found[DISK] = config.ephemeral_storage
    return found
