"""What can be seen of a service on an engine at one moment."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlmagic.targets.docker import labels
from mlmagic.targets.docker.parts import SERVING, STATE, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.targets.docker.parts import ServiceParts

_LATE = timedelta(seconds=2)
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - not bound here


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container, as the engine tells of it.

    Attributes:
        state: ``created``, ``running``, ``restarting``, ``exited``, ``paused``, ``dead`` …
        ended_at: When it ended last; None where it never has.
        policy: Its restart policy.
        told: What the server in it tells since its last start; empty before it has.
    """

    id: str
    name: str
    image: str
    state: str
    exit_code: int
    oom_killed: bool
    error: str
    restarts: int
    started_at: datetime | None
    ended_at: datetime | None
    policy: str
    labels: dict[str, str] = field(repr=False)
    told: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.state == "running"

    @property
    def stage(self) -> str:
        """The stage that the server told last."""
        return str(self.told.get("stage", "start"))

    @property
    def ready(self) -> bool:
        """Whether the server in it answers."""
        return self.running and self.stage == "ready"

    @property
    def prepared(self) -> bool:
        """Whether the server in it answers, or would, had it the service."""
        return self.running and self.stage in ("waiting", "ready")

    @property
    def drains(self) -> bool:
        """Whether the server in it answers what it has accepted, and accepts no more."""
        return self.running and self.stage == "draining"

    @property
    def generation(self) -> int:
        """The revision that it runs; 0 for a front."""
        return int(self.labels.get(labels.GENERATION, 0))

    @property
    def token(self) -> str:
        """The front that it is, or accepts connections from."""
        return self.labels.get(labels.ENTRANCE, "")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A service, as its engine has it.

    Attributes:
        host: Where its ports are published, seen from here; None is this machine.
        fronts: Containers that listen.
        revisions: Containers of revisions, in the order they were made.
        serving_instance: The container that was handed the service last.
        serving_generation: Its revision; 0 where none ever served.
    """

    host: str | None = None
    fronts: tuple[Container, ...] = ()
    revisions: tuple[Container, ...] = ()
    serving_instance: str = ""
    serving_generation: int = 0

    @property
    def serving(self) -> Container | None:
        """The container that has the service; None where it is gone, or none ever had."""
        return next((each for each in self.revisions if self.serves(each)), None)

    def serves(self, container: Container) -> bool:
        """Whether a container is the one that has the service."""
        return container.labels.get(labels.INSTANCE) == self.serving_instance

    def newest(self, generation: int) -> Container | None:
        """Return the container of a revision that was made last."""
        found = [each for each in self.revisions if each.generation == generation]
        return found[-1] if found else None

    def front_of(self, container: Container | None) -> Container | None:
        """Return the front that a container accepts connections from."""
        token = container.token if container is not None else ""
        found = [front for front in self.fronts if front.token == token]
        # While one takes the place of another, there are two for a moment.
        return next((front for front in found if front.running), found[0] if found else None)

    @property
    def base_uri(self) -> str | None:
        """Where the service listens; None where it does not."""
        serving = self.serving or (self.revisions[-1] if self.revisions else None)
        front = self.front_of(serving)
        if front is None or not front.running:
            return None
        address = front.labels[labels.ADDRESS]
        host = self.host or _ANY_ADDRESS.get(address, address)
        port = front.labels[labels.PORT]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def observe(parts: ServiceParts, *, host: str | None) -> Observation:
    """Look at a service."""
    found = parts.containers()
    # All have the one volume; the first may be going.
    files = next(filter(None, (parts.read(each["Id"], STATE) for each in found)), {})
    serving = _json(files.get(SERVING, b""))
    containers = [read_container(each, files) for each in found]
    return Observation(
        host=host,
        fronts=tuple(c for c in containers if c.labels[labels.PART] == labels.FRONT),
        revisions=tuple(c for c in containers if c.labels[labels.PART] == labels.REVISION),
        serving_instance=serving.get("instance", ""),
        serving_generation=serving.get("generation", 0),
    )


def look(parts: ServiceParts, container: str) -> Container:
    """Look at one container of a service."""
    # What it tells comes second: a failure is then not missed.
    told = parts.client.api.inspect_container(container)
    instance = told["Config"]["Labels"][labels.INSTANCE]
    return read_container(told, parts.read(container, f"{STATE}/{instance}.json"))


def stages(parts: ServiceParts, container: str) -> dict[str, str]:
    """Return the stage that each server of a service told last, by its container's instance."""
    files = parts.read(container, STATE)
    return {name.removesuffix(".json"): str(_json(x).get("stage")) for name, x in files.items()}


def read_container(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Container:
    """Put together what an engine and the server in it tell of a container.

    Args:
        told: What the engine tells when it inspects it.
        files: The service's state files, names to contents.
    """
    state, marks = told["State"], told["Config"]["Labels"]
    started = _time(state["StartedAt"])
    status: dict[str, Any] = {}
    if part_of(told) == labels.REVISION:
        status = _json(files.get(f"{marks[labels.INSTANCE]}.json", b""))
        since, earliest = _time(status.get("since", "")), _earliest(state)
        if since is None or (earliest is not None and since < earliest):
            status = {}  # of an earlier start
    return Container(
        id=told["Id"],
        name=told["Name"].lstrip("/"),
        image=told["Image"],
        state=state["Status"],
        exit_code=state["ExitCode"],
        oom_killed=state["OOMKilled"],
        error=state["Error"],
        restarts=told["RestartCount"],
        started_at=started,
        ended_at=_time(state["FinishedAt"]),
        policy=told["HostConfig"]["RestartPolicy"]["Name"],
        labels=marks,
        told=status,
    )


def _earliest(state: Mapping[str, Any]) -> datetime | None:
    """Return when the server's last start can have been at the earliest; None is any time.

    The engine notes a start after the process has begun: with much to do, after it is ready.
    """
    if state["Status"] in ("running", "paused"):
        return _time(state["FinishedAt"])  # the end of the start before
    started = _time(state["StartedAt"])
    return None if started is None else started - _LATE


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:  # nothing, or written at this very moment
        return {}
    return found if isinstance(found, dict) else {}


def _time(text: str) -> datetime | None:
    """Read a time in milliseconds, as the server tells it; the engine's has nine digits."""
    head, _, fraction = text.partition(".")
    digits = "".join(c for c in fraction[:3] if c.isdigit()).ljust(3, "0")
    try:
        found = datetime.fromisoformat(f"{head[:19]}.{digits}+00:00")
    except ValueError:
        return None
    return found if found.year > 1 else None
