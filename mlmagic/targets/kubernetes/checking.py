"""Whether a configuration can work in a cluster, before the cluster is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.addresses import without_secrets
from mlmagic.configurations import cpu_cores, memory_bytes
from mlmagic.errors import ConfigurationError
from mlmagic.targets.kubernetes.applying import GONE_SECONDS
from mlmagic.targets.kubernetes.naming import check_labels
from mlmagic.targets.kubernetes.pods import DRAIN_SECONDS
from mlmagic.targets.kubernetes.release import config_of, requests_of
from mlmagic.targets.kubernetes.routes import parent

if TYPE_CHECKING:
    from mlmagic.entities import DeploymentSpec, KubernetesDeploymentConfig
    from mlmagic.targets.kubernetes.local_clusters import Loader

NO_REGISTRY = (
    "no registry is named that the nodes pull the image from: give --image-registry HOST/PATH, or "
    "set image_registry"
)
_RESOURCE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^/?#@\s]+)*")
# A pod that ends then drains, and who deletes it waits until it is gone, which takes a moment.
_LONGEST_PRE_STOP = int(GONE_SECONDS) - DRAIN_SECONDS - 20
_TOLERATION = re.compile(r"[\w./-]+(=[\w.-]*)?(:(NoSchedule|PreferNoSchedule|NoExecute))?")


def check_config(spec: DeploymentSpec, *, lacks: str = "") -> None:
    """Check what the types of a configuration cannot.

    Args:
        spec: The specification.
        lacks: What keeps its image from coming to the nodes, where it needs one; see
            `lacks_registry`.

    Raises:
        ConfigurationError: It cannot work; all that is wrong is named.
    """
    config = config_of(spec)
    wrong = contradictions(config)
    if lacks:
        wrong.append(lacks)
    if wrong:
        first, *more = wrong
        text = f"The configuration of service '{spec.name}' cannot work: {first}."
        raise ConfigurationError("\n".join([text, *(f"  {each}." for each in more)]))
    check_labels(config.labels)


def lacks_registry(registry: str | None, loader: Loader | None) -> str:
    """Say why an image does not come to the nodes; empty where it does.

    Args:
        registry: Where it would be pushed.
        loader: What loads it into a cluster of this machine where there is no registry.
    """
    if registry is not None:
        return ""
    if loader is None:
        return NO_REGISTRY
    return loader.missing and f"{loader.missing}: install it, or give --image-registry HOST/PATH"


def contradictions(config: KubernetesDeploymentConfig) -> list[str]:
    """Return what cannot work in any cluster, in words without a full stop."""
    return [*_sizes(config), *_scaling(config), *_network(config), *_placing(config)]


def wrong_namespace(name: str | None) -> str:
    """Say why nothing can be called so, in words without a full stop; empty where it can."""
    if name is None or _NAMESPACE.fullmatch(name):
        return ""
    rule = "1 to 63 lower-case letters, digits and '-', the first and the last no '-'"
    return f"'{name}' is no namespace: {rule}"


def _sizes(config: KubernetesDeploymentConfig) -> list[str]:
    wrong = []
    asked = requests_of(config)
    cpu, memory = asked["cpu"], asked["memory"]
    cpus, size = cpu_cores(cpu), memory_bytes(memory)
    if config.ephemeral_storage is not None:
        memory_bytes(config.ephemeral_storage)  # says what is wrong with it
    if config.cpu_limit and cpu_cores(config.cpu_limit) < cpus:
        wrong.append(f"the limit of '{config.cpu_limit}' CPUs is below '{cpu}'")
    if config.memory_limit and memory_bytes(config.memory_limit) < size:
        wrong.append(f"the memory limit '{config.memory_limit}' is below '{memory}'")
    for name, count in config.accelerators.items():
        if not _RESOURCE.fullmatch(name):
            wrong.append(f"'{name}' is no name of an accelerator such as 'nvidia.com/gpu'")
        if count < 1:
            wrong.append(f"'{count}' of '{name}' is less than one")
    return wrong


def _scaling(config: KubernetesDeploymentConfig) -> list[str]:
    low, high = config.autoscale_min, config.autoscale_max
    if low is not None and high is None:
        return ["the autoscaler has a minimum, but no maximum"]
    if high is None and config.autoscale_requests is not None:
        return ["'autoscale_requests' needs 'autoscale' with the fewest and most pods"]
    if high is None:
        return []
    wrong = []
    if (low or 1) > high:
        wrong.append(f"the autoscaler's minimum '{low}' is above its maximum '{high}'")
    if config.replicas is not None and not (low or 1) <= config.replicas <= high:
        wrong.append(f"'{config.replicas}' replicas are not between '{low or 1}' and '{high}'")
    return wrong


def _network(config: KubernetesDeploymentConfig) -> list[str]:
    wrong = []
    if config.ingress_host is not None and not _HOST.fullmatch(config.ingress_host):
        wrong.append(f"'{config.ingress_host}' is no host name in lower-case letters")
    if config.ingress_host is None:
        given = {
            "gateway": config.gateway,
            "ingress_class": config.ingress_class,
            "ingress_tls_secret": config.ingress_tls_secret,
        }
        wrong += [f"'{name}' needs 'ingress_host'" for name, value in given.items() if value]
    if config.gateway is not None and not parent(config.gateway):
        wrong.append(f"'{config.gateway}' is no Gateway '[NAMESPACE/]NAME[:LISTENER]'")
    address = config.external_address
    if address is not None and not _ADDRESS.fullmatch(address):
        wrong.append(f"'{without_secrets(address)}' is no address 'https://HOST[:PORT][/PATH]'")
    if not 1 <= config.pre_stop_seconds <= _LONGEST_PRE_STOP:
        wrong.append(
            f"a pod that ends takes requests for 1 to {_LONGEST_PRE_STOP} seconds, "
            f"not '{config.pre_stop_seconds}'"
        )
    return wrong


def _placing(config: KubernetesDeploymentConfig) -> list[str]:
    bad = wrong_namespace(config.namespace)
    return ([bad] if bad else []) + [
        f"the toleration '{text}' is not KEY[=VALUE][:EFFECT] with the effect NoSchedule, "
        "PreferNoSchedule or NoExecute"
        for text in config.tolerations
        if not _TOLERATION.fullmatch(text)
    ]
