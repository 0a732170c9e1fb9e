"""Keys of Azure ML v1's files that mean nothing here: ignored with a word, or refused."""

from __future__ import annotations

import re
from typing import Literal

Section = Literal["inference", "deployment"]

_PERIOD = "the cluster's autoscaler has a period of its own"
_LINE = "v1 took it from the command's line alone"
_INSIGHTS = "read /metrics of the service, and its log"
# Keys without which the service does what it should all the same.
_UNUSED: dict[Section, dict[str, str]] = {
    "deployment": {
        "location": "only the cloud has regions",
        "appInsightsEnabled": _INSIGHTS,
        "enableAppInsights": _INSIGHTS,
        "autoScaler.refreshPeriodInSeconds": _PERIOD,
        "autoscaleRefreshSeconds": _PERIOD,
        "tags": f"{_LINE}, '--tag'",
        "properties": f"{_LINE}, '--property'",
        "description": f"{_LINE}, '--description'",
        "blobfuseEnabled": "models lie in the service's image or folder",
    },
    "inference": {
        "runtime": "services run the Python of their environment",
        "enableGpu": "ask for GPUs in the deployment configuration, 'gpuCores'",
        "schemaFile": "/swagger.json is made from the script's schema, or the model's sample",
        "cudaVersion": "the base image brings CUDA: 'baseImage'",
    },
}

_PROXY = "TLS is not built in: put a proxy with the certificate in front of the service"
_NETWORK = "only the cloud has virtual networks: services listen on 127.0.0.1 unless told otherwise"
_VAULT = "only the cloud has key vaults: encrypt the disk that the workspace lies on"
# Keys without which it would do something else than what they say, to what is done instead.
_REFUSED: dict[Section, dict[str, str]] = {
    "deployment": {
        "sslEnabled": _PROXY,
        "sslCertificate": _PROXY,
        "sslKey": _PROXY,
        "cname": _PROXY,
        "sslCertPemFile": _PROXY,
        "sslKeyPemFile": _PROXY,
        "sslCname": _PROXY,
        "vaultBaseUrl": _VAULT,
        "keyName": _VAULT,
        "keyVersion": _VAULT,
        "cmkVaultBaseUrl": _VAULT,
        "cmkKeyName": _VAULT,
        "cmkKeyVersion": _VAULT,
        "vnetName": _NETWORK,
        "subnetName": _NETWORK,
        "isDefault": "services have no versions side by side: %ml service update changes one in "
        "place, %ml service rollback goes back",
        "isControlVersionType": "there are no control versions; compare with a service of its own",
        "versionName": "services have no versions side by side: deploy it as a service of its own",
        "trafficPercentile": "traffic is not split: an Ingress or Gateway of the cluster can split "
        "it between two services",
    },
    "inference": {
        "extraDockerfileSteps": "name the file with '--base-dockerfile'; its lines come before the "
        "packages",
        "baseImageRegistry": "write the registry into the image's name, and sign in with "
        "'docker login'",
    },
}


def refused_keys(section: Section) -> dict[str, str]:
    """Return the keys that are refused, in both spellings, to what is done instead."""
    return _in_both_spellings(_REFUSED[section])


def unused_keys(section: Section) -> dict[str, str]:
    """Return the keys that are accepted and not used, in both spellings, to the reason."""
    return _in_both_spellings(_UNUSED[section])


def snake_case(key: str) -> str:
    """Turn v1's spelling into ours: ``memoryInGB`` is ``memory_in_gb``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key).lower()


def _in_both_spellings(keys: dict[str, str]) -> dict[str, str]:
    return keys | {snake_case(key): text for key, text in keys.items()}
