"""Services of an engine, whoever deployed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import TargetError
from mlmagic.targets.docker import labels
from mlmagic.targets.docker.observing import observe
from mlmagic.targets.docker.parts import ServiceParts

if TYPE_CHECKING:
    from docker import DockerClient

    from mlmagic.entities import ServiceRecord


def names(client: DockerClient) -> list[str]:
    """Return the names of all services that an engine has."""
    found = client.api.containers(all=True, filters={"label": labels.PART})
    return sorted({each["Labels"][labels.SERVICE] for each in found})


def find(client: DockerClient, name: str) -> ServiceRecord | None:
    """Return the record that the labels of a service's containers keep.

    Raises:
        TargetError: Several workspaces have a service of this name on the engine.
    """
    wanted = [f"{labels.SERVICE}={name}", f"{labels.PART}={labels.REVISION}"]
    found = client.api.containers(all=True, filters={"label": wanted})
    owners = sorted({each["Labels"][labels.OWNER] for each in found})
    if len(owners) > 1:
        raise TargetError(
            f"{len(owners)} workspaces have a service '{name}' on the engine.",
            hint="Delete all but one where they were deployed.",
        )
    if not owners:
        return None
    seen = observe(ServiceParts(client, name, owners[0]), host=None)
    chosen = seen.serving or seen.revisions[-1]
    return labels.unpacked_record(chosen.labels)
