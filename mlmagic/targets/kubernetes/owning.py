"""Whose an object of the cluster is: a service's own, or somebody else's of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import ServiceExistsError
from mlmagic.targets.kubernetes import naming

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.connection import Connection, Object


def is_own(item: Object | None, service: str) -> bool:
    """Whether there is an object, and it was made for the service."""
    labels = (item or {}).get("metadata", {}).get("labels") or {}
    return bool(naming.selector(service).items() <= labels.items())


def own(connection: Connection, kind: str, name: str, service: str) -> Object | None:
    """Return an object of a service; None where there is none of the name.

    What is applied to or deleted later has to be asked for here first: applying would make
    somebody else's object look like ours.

    Args:
        connection: The cluster.
        kind: Kind of the object.
        name: Its name.
        service: The service.

    Raises:
        ServiceExistsError: The object of the name is not the service's.
    """
    found = connection.get(kind, name)
    if found is not None and not is_own(found, service):
        raise ServiceExistsError(
            f"The namespace '{connection.namespace}' has a {kind} '{name}' that mlmagic did not "
            f"make for service '{service}'.",
            hint="Choose another name for the service.",
        )
    return found
