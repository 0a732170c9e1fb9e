"""Names, labels and annotations of a service's objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.entities import DeploymentSpec

MANAGER = "mlmagic"
DOMAIN = "jupyter-mlmagic.github.io"

NAME, MANAGED_BY = "app.kubernetes.io/name", "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"
# On objects and pods.
REVISION = f"{DOMAIN}/revision"
# On the Deployment.
SPEC_DIGEST, MODELS = f"{DOMAIN}/spec", f"{DOMAIN}/models"
TEMPLATE = f"{DOMAIN}/template"
# On pods: changed by a restart, and to let the kubelet look at the keys at once.
RESTARTED, KEYS_CHANGED = f"{DOMAIN}/restarted", f"{DOMAIN}/keys-changed"
RECORD_KEY = "record.json.gz"
# In the Secret of the keys, for an autoscaler that asks the pods.
PRIMARY_KEY = "primary"

_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(
    r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
)
OURS = f"{MANAGED_BY}={MANAGER}"


def record_name(service: str) -> str:
    """Name of the ConfigMap that keeps the record, and owns all other objects."""
    return f"{service}-record"


def keys_name(service: str) -> str:
    """Name of the Secret with the keys."""
    return f"{service}-keys"


def pull_name(service: str) -> str:
    """Name of the Secret with the registry's credentials."""
    return f"{service}-pull"


def secrets_name(service: str, digests: Mapping[str, str]) -> str:
    """Name of the Secret with what ``read_secret`` reads; other values have another name."""
    from mlmagic.files import digest_text

    text = ";".join(f"{name}={digest}" for name, digest in sorted(digests.items()))
    return f"{service}-secrets-{digest_text(text)[:10]}"


def selector(service: str) -> dict[str, str]:
    """Return the labels that find a service's pods; a Deployment can never change them."""
    return {NAME: service, MANAGED_BY: MANAGER}


def selecting(service: str) -> str:
    """Return the same as the API is asked for them."""
    return ",".join(f"{key}={value}" for key, value in selector(service).items())


def labels(spec: DeploymentSpec, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of all objects."""
    return {**extra, **selector(spec.name), COMPONENT: "scoring"}


def check_labels(given: Mapping[str, str]) -> None:
    """Make sure that labels are what Kubernetes allows, and not ours.

    Raises:
        ConfigurationError: One is not.
    """
    for key, value in given.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL.fullmatch(value):
            raise ConfigurationError(
                f"The label '{key}={value}' is not allowed by Kubernetes.",
                hint="Up to 63 letters, digits, '-', '_' and '.', with a letter or digit at "
                "both ends; the key may have a DNS name and '/' before it.",
            )
        if key in selector("") or key == COMPONENT:
            raise ConfigurationError(f"The label '{key}' is set by mlmagic itself.")
