"""Keys of Azure ML v1's files that mean nothing to a local service."""

from __future__ import annotations

import re
from typing import Literal

Section = Literal["inference", "deployment"]

_UNUSED: dict[Section, tuple[str, ...]] = {
    "deployment": (
        "location", "sslEnabled", "sslCertificate", "sslKey", "cname", "appInsightsEnabled",
        "dnsNameLabel", "keys.primaryKey", "keys.secondaryKey", "vaultBaseUrl", "keyName",
        "keyVersion", "vnetName", "subnetName", "autoScaler.autoscaleEnabled",
        "autoScaler.minReplicas", "autoScaler.maxReplicas", "autoScaler.refreshPeriodInSeconds",
        "autoScaler.targetUtilization", "dataCollection.storageEnabled", "tokenAuthEnabled",
        "containerResourceRequirements.cpuLimit", "containerResourceRequirements.memoryInGBLimit",
        "gpuCores", "maxQueueWaitMs", "livenessProbeRequirements.periodSeconds",
        "livenessProbeRequirements.initialDelaySeconds",
        "livenessProbeRequirements.timeoutSeconds", "livenessProbeRequirements.successThreshold",
        "livenessProbeRequirements.failureThreshold", "namespace",
    ),
    "inference": (
        "runtime", "extraDockerfileSteps", "enableGpu", "baseImage", "baseImageRegistry",
        "cudaVersion",
    ),
}  # fmt: skip


def snake_case(key: str) -> str:
    """Turn v1's spelling into ours: ``memoryInGB`` is ``memory_in_gb``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key).lower()


def unused_keys(section: Section) -> dict[str, str]:
    """Return the keys that are accepted and not used, in both spellings, to v1's."""
    keys = _UNUSED[section]
    return {key: key for key in keys} | {snake_case(key): key for key in keys}
