"""Services of an engine, whoever deployed them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.errors import DamagedRecordError, TargetError
from mlmagic.targets.docker import labels
from mlmagic.targets.docker.observing import observe
from mlmagic.targets.docker.parts import ServiceParts

if TYPE_CHECKING:
    from docker import DockerClient

    from mlmagic.entities import DeploymentSpec, Revision, ServiceRecord
    from mlmagic.targets.docker.observing import Observation


def names(client: DockerClient) -> list[str]:
    """Return the names of all services that an engine has."""
    found = client.api.containers(all=True, filters={"label": labels.PART})
    return sorted({each["Labels"][labels.SERVICE] for each in found})


def find(client: DockerClient, name: str, label: str | None = None) -> ServiceRecord | None:
    """Return the record that the labels of a service's containers keep.

    Its revisions are those that the engine still has the image of: what can be gone back to.

    Args:
        client: The engine's.
        name: The service.
        label: Its container's name; None where there is but one service of the name.

    Raises:
        TargetError: Several workspaces have a service of this name on the engine.
    """
    wanted = [f"{labels.SERVICE}={name}", f"{labels.PART}={labels.REVISION}"]
    found = client.api.containers(all=True, filters={"label": wanted})
    # The engine lists the newest first: a service is called as its last revision calls it.
    known = {each["Labels"][labels.OWNER]: _front_of(each) for each in reversed(found)}
    owners = [owner for owner in known if label in (None, known[owner])]
    if len(owners) > 1:
        shown = " and ".join(f"'{each}'" for each in sorted(known.values()))
        raise TargetError(
            f"{len(owners)} workspaces have a service '{name}' on the engine: the containers "
            f"{shown}.",
            hint="Choose one of them: --dns-name-label CONTAINER.",
        )
    if not owners:
        return None
    seen = observe(ServiceParts(client, name, owners[0]), host=None)
    chosen = seen.serving or seen.revisions[-1]
    record = labels.unpacked_record(chosen.labels)
    revisions = {**_revisions(client, seen), record.current: record.revision(record.current)}
    return replace(record, revisions=tuple(revisions[number] for number in sorted(revisions)))


def _front_of(revision: dict[str, Any]) -> str:
    """Return what the front of a revision's container is called; see `revision_options`."""
    return str(revision["Names"][0]).lstrip("/").rpartition("-r")[0]


def image_of(client: DockerClient, seen: Observation, spec: DeploymentSpec) -> str | None:
    """Return the id of the image that a container of a specification was made from.

    Args:
        client: The engine's.
        seen: The service.
        spec: The specification.

    Returns:
        None where no container has it, or the image was removed.
    """
    made = (each for each in seen.revisions if each.labels.get(labels.SPEC) == spec.digest)
    return next((each.image for each in made if _has(client, each.image)), None)


def _revisions(client: DockerClient, seen: Observation) -> dict[int, Revision]:
    revisions = {}
    for each in seen.revisions:
        with suppress(DamagedRecordError):
            record = labels.unpacked_record(each.labels)
            if _has(client, each.image):
                revisions[record.current] = record.revision(record.current)
    return revisions


def _has(client: DockerClient, image: str) -> bool:
    from docker.errors import NotFound

    try:
        client.images.get(image)
    except NotFound:
        return False
    return True
