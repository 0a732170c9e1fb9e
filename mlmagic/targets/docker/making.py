"""Makes what a deployment needs on an engine, and takes it back where the deployment fails."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmagic.targets.docker.parts import KEYS
from mlmagic.targets.keys import random_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.entities import DockerDeploymentConfig
    from mlmagic.targets.docker.observing import Observation
    from mlmagic.targets.docker.parts import ServiceParts


class Making:
    """What one deployment changes on an engine.

    Args:
        parts: The service's.
        config: Of the revision that is brought up.
    """

    def __init__(self, parts: ServiceParts, config: DockerDeploymentConfig) -> None:
        self._parts = parts
        self._api = parts.client.api
        self._config = config
        self._undo: list[tuple[str, Callable[[], object]]] = []  # by container

    def create(self, options: dict[str, Any], *, is_kept: bool = False) -> str:
        """Make a container; one that is kept after a failure, to be looked into, only ends."""
        made = self._parts.client.containers.create(**options).id
        assert made is not None  # noqa: S101 - the engine names what it makes
        self._undo.append((made, partial(self.remove, made)))
        for network in self._config.networks[1:]:
            self._api.connect_container_to_network(made, network)
        if is_kept:
            self._undo[-1] = (made, partial(self._api.stop, made, timeout=1))
        return made

    def rename(self, container: str, before: str, name: str) -> None:
        """Give a container another name."""
        self._undo.append((container, partial(self._api.rename, container, before)))
        self._api.rename(container, name)

    def stop(self, container: str) -> None:
        """End a front, so that its port is free."""
        self._undo.append((container, partial(self._api.start, container)))
        self._api.stop(container)

    def restart_by(self, container: str, before: str, policy: str) -> None:
        """Change a container's restart policy."""
        self._undo.append((container, partial(self._parts.restart_by, container, before)))
        self._parts.restart_by(container, policy)

    def tell_serving(
        self, container: str, instance: str, generation: int, before: Observation
    ) -> None:
        """Hand the service over; where nobody knows whether that arrived, it is taken back too."""
        known = before.serving_instance, before.serving_generation
        self._undo.append((container, partial(self._parts.tell_serving, container, *known)))
        self._parts.tell_serving(container, instance, generation)

    def place_keys(self, made: str) -> None:
        """Make the service's keys, where it needs some and has none."""
        if self._config.auth == "key" and not self._parts.read(made, KEYS):
            keys = {"primary": random_key(), "secondary": random_key()}
            self._parts.write(made, {KEYS: json.dumps(keys).encode()})

    def remove(self, container: str) -> None:
        """Remove a container that may have gone, and its image where nothing needs it."""
        from docker.errors import NotFound

        with suppress(NotFound):
            self._parts.remove_container(self._api.inspect_container(container))

    def remove_alone(self, container: str) -> None:
        """Remove a container without its image, which the next one needs."""
        self._parts.remove_container({"Id": container, "Config": {"Labels": {}}})
        self._undo = [each for each in self._undo if each[0] != container]

    def take_back(self) -> None:
        """Put everything back as it was."""
        for _, undo in reversed(self._undo):
            with suppress(Exception):  # the engine may be what failed
                undo()
