"""Keys and secrets of a service in the cluster, and on their way into running pods."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError, TargetUnavailableError
from mlmagic.targets.base import Keys
from mlmagic.targets.keys import random_key
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.forwarding import open_pod
from mlmagic.targets.kubernetes.objects import keys_secret, secret
from mlmagic.targets.kubernetes.owning import own

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmagic.entities import ServiceRecord
    from mlmagic.targets.kubernetes.connection import Connection
    from mlmagic.targets.kubernetes.release import Release

# A kubelet looks at each pod once a minute, and takes a moment longer for its Secrets.
_LONGEST_SECONDS, _PAUSE_SECONDS = 90.0, 0.2


def read_keys(connection: Connection, service: str) -> Keys:
    """Return the keys of a service.

    Raises:
        ConfigurationError: They cannot be read.
    """
    name = naming.keys_name(service)
    found = connection.get("Secret", name)
    try:
        content = json.loads(base64.b64decode((found or {})["data"]["keys.json"]))
        return Keys(primary=content["primary"], secondary=content["secondary"])
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"The keys in the Secret '{name}' cannot be read.",
            hint="Delete the Secret and deploy the service again to get new ones.",
        ) from error


def ensure_keys(connection: Connection, release: Release) -> None:
    """Make keys where there are none yet."""
    name = release.spec.name
    found = own(connection, "Secret", naming.keys_name(name), name)
    if found is None:
        keys = Keys(primary=random_key(), secondary=random_key())
    elif naming.PRIMARY_KEY in found.get("data", {}):
        return
    else:  # made by a version that had no autoscaler to ask the pods
        keys = read_keys(connection, name)
    connection.apply(keys_secret(release, keys))


def put_secrets(connection: Connection, release: Release, values: Mapping[str, bytes]) -> None:
    """Keep the values of a specification's secrets, as far as they are new.

    Raises:
        ConfigurationError: A value is neither given nor kept.
    """
    wanted = release.spec.secrets
    if not wanted:
        return
    name = naming.secrets_name(release.spec.name, wanted)
    if own(connection, "Secret", name, release.spec.name) is not None:
        return
    found = {key: values[key] for key in wanted if key in values}
    for key in wanted.keys() - found.keys():
        found[key] = _known_secret(connection, release.spec.name, key, wanted[key])
    connection.apply(secret(release, name, found))


def forget_secrets(connection: Connection, record: ServiceRecord) -> None:
    """Delete the Secrets that no kept revision reads."""
    kept = {
        naming.secrets_name(record.name, revision.spec.secrets)
        for revision in record.revisions
        if revision.spec.secrets
    }
    for item in connection.list("Secret", naming.selecting(record.name))[0]:
        name = item["metadata"]["name"]
        if name.startswith(f"{record.name}-secrets-") and name not in kept:
            connection.delete("Secret", name)


def tell_kubelet(connection: Connection, pods: Iterable[str]) -> None:
    """Change an annotation of the pods, so that their kubelets look at their Secrets at once."""
    stamp = {naming.KEYS_CHANGED: datetime.now(UTC).isoformat(timespec="milliseconds")}
    for pod in pods:
        connection.patch("Pod", pod, {"metadata": {"annotations": stamp}})


def answers_with(connection: Connection, pods: Iterable[str], *keys: str) -> None:
    """Wait until every pod accepts all keys; not longer than a kubelet may take."""
    until = time.monotonic() + _LONGEST_SECONDS
    for pod in pods:
        while not all(_accepts(connection, pod, key) for key in keys):
            if time.monotonic() > until:
                return
            time.sleep(_PAUSE_SECONDS)


def _accepts(connection: Connection, pod: str, key: str) -> bool:
    """Whether a pod accepts a key; one that is gone has nothing to accept."""
    try:
        socket = open_pod(connection, pod)
    except (OSError, TargetUnavailableError):
        return True
    asked = http.client.HTTPConnection("pod", timeout=5)
    asked.sock = socket
    try:
        asked.request("GET", "/metrics", headers={"Authorization": f"Bearer {key}"})
        return asked.getresponse().status != http.HTTPStatus.UNAUTHORIZED
    except (OSError, http.client.HTTPException):
        return True
    finally:
        asked.close()


def _known_secret(connection: Connection, service: str, key: str, digest: str) -> bytes:
    for item in connection.list("Secret", naming.selecting(service))[0]:
        value = base64.b64decode(item.get("data", {}).get(key, ""))
        if hashlib.sha256(value).hexdigest() == digest:
            return value
    raise ConfigurationError(
        f"The value of the secret '{key}' is not known any more.",
        hint=f"Give it again: --secret {key}=FILE.",
    )
