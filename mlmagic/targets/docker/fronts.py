"""Which front listens for a service; another takes its place once the new revision is ready."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.entities import Reason
from mlmagic.errors import TargetError
from mlmagic.targets.docker import containers, labels
from mlmagic.targets.docker.parts import FRONTS, SECRETS, STATE
from mlmagic.targets.docker.states import is_port_taken

if TYPE_CHECKING:
    from mlmagic.entities import DockerDeploymentConfig
    from mlmagic.targets.docker.containers import Entrance
    from mlmagic.targets.docker.making import Making
    from mlmagic.targets.docker.observing import Container, Observation
    from mlmagic.targets.docker.parts import ServiceParts

# Below the range that systems take ports of outgoing connections from.
_FREE_PORTS = range(20_000, 32_768)
_TRIES = 50


class RevisionError(TargetError):
    """A revision did not come up."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Fronts:
    """The fronts of a service during one deployment.

    Args:
        parts: The service's.
        config: Of the revision that is brought up.
        making: Makes containers, and takes them back.
    """

    def __init__(self, parts: ServiceParts, config: DockerDeploymentConfig, making: Making) -> None:
        self._parts = parts
        self._config = config
        self._making = making
        self._name = containers.front_name(config, parts.name)
        self._image = ""
        self._before: Container | None = None
        self._entrance: Entrance | None = None
        self._made = ""

    def entrance(self, seen: Observation, image: str) -> Entrance:
        """Return where the revision gets its socket; there is a front that gives it.

        Args:
            seen: The service before this deployment.
            image: What a front is made from.
        """
        self._image, serving = image, seen.serving
        front = seen.front_of(serving) or (seen.fronts[-1] if seen.fronts else None)
        for other in seen.fronts:
            if other is not front and not other.running:
                self._making.remove_alone(other.id)  # a killed deployment left it, with a name
        if front is not None and not self._fits(front) and not front.running:
            self._making.remove_alone(front.id)  # nobody is served by it
        else:
            self._before = front
        known = front or serving
        before = entrance_of(known) if known is not None else None
        if before is not None and self._config.port in (None, before.port):
            self._entrance = replace(before, address=self._config.address)
            if self._before is None:
                self._entrance = self._open(self._entrance, self._name)
            elif not self._before.running:
                self._parts.client.api.start(self._before.id)
        else:
            port = self._config.port or 0
            wanted = containers.Entrance(
                token=containers.new_token(), address=self._config.address, port=port
            )
            name = self._name if self._before is None else f"{self._name}-{wanted.token}"
            self._entrance = self._open(wanted, name)
        return self._entrance

    def take_over(self) -> None:
        """Let clients come in by the front that is wanted; the new revision is ready.

        Where the port stays, only one can have it: servers follow from the old front to the new.
        """
        before = self._before
        if before is None or self._entrance is None:
            return
        if self._fits(before):
            if before.policy != self._config.restart:
                self._making.restart_by(before.id, before.policy, self._config.restart)
            return
        if before.name == self._name:
            self._making.rename(before.id, before.name, f"{before.name}-{before.token}")
        if self._made:
            made = f"{self._name}-{self._entrance.token}"
            self._making.rename(self._made, made, self._name)
        else:
            self._making.stop(before.id)
            self._open(self._entrance, self._name)

    def remove_others(self, seen: Observation) -> None:
        """Remove the fronts that listen no more for the service, once it was handed over."""
        for front in seen.fronts:
            if front is not self._before or not self._fits(front):
                self._making.remove(front.id)

    def _fits(self, front: Container) -> bool:
        same = front.labels[labels.SHAPE] == containers.shape(self._config, self._parts.name)
        return same and self._config.port in (None, int(front.labels[labels.PORT]))

    def _open(self, wanted: Entrance, name: str) -> Entrance:
        """Start a front at a port, or, where none was asked for, at another that is free."""
        ports = [wanted.port] if wanted.port else []
        for port in ports if self._config.port else [*ports, *some_ports()]:
            entrance = replace(wanted, port=port)
            options = containers.front_options(self._parts, self._config, self._image, entrance)
            made = self._making.create({**options, "name": name})
            self._parts.write(made, {FRONTS: None, STATE: None, SECRETS: None})
            self._making.place_keys(made)
            try:
                self._parts.client.api.start(made)
            except Exception as error:
                self._making.remove_alone(made)
                if not is_port_taken(str(error)):
                    raise
            else:
                self._made = made
                return entrance
        shown = f"Port '{wanted.port}' of the engine's host is" if ports else "All ports are"
        raise RevisionError(Reason.PORT_IN_USE, f"{shown} in use.")


def entrance_of(container: Container) -> Entrance:
    """Return where a container listens, or gets its connections from."""
    return containers.Entrance(
        token=container.token,
        address=container.labels[labels.ADDRESS],
        port=int(container.labels[labels.PORT]),
    )


def some_ports() -> list[int]:
    """Return ports to try, by chance."""
    return random.sample(_FREE_PORTS, _TRIES)
