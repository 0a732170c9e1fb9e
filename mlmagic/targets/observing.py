"""What can be seen of a local service now: its supervisor, what that says, and an answer."""

from __future__ import annotations

import http.client
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import psutil

from mlmagic.addresses import connection_to
from mlmagic.entities import ProcessIdentity
from mlmagic.errors import DamagedRecordError
from mlmagic.files import read_record
from mlmagic.targets.processes import here, identify, is_alive, same_boot

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.targets.placing import ServiceFolder

# Of the two routes that tell readiness, the one that leaves no line in the service's log.
_READY_ROUTE = "/"
_ANSWER_SECONDS = 2.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - not bound here

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker process, as the supervisor tells of it."""

    pid: int | None
    generation: int
    stage: str = ""
    ready: bool = False
    started: float = 0.0
    restarts: int = 0
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a generation did not come up, or why workers ended."""

    generation: int
    reason: str
    message: str = ""
    frames: list[dict[str, Any]] = field(default_factory=list)
    exception: str = ""


@dataclass(frozen=True, kw_only=True)
class Author:
    """The supervisor that wrote a state."""

    pid: int


@dataclass(frozen=True, kw_only=True)
class SupervisorState:
    """The supervisor's ``state.json``, as far as it is needed here."""

    supervisor: Author
    phase: Literal["starting", "serving", "updating", "stopping", "stopped", "failed"]
    generation: int = 0
    target_generation: int = 0
    stage: str = ""
    address: str | None = None
    port: int | None = None
    workers: list[Worker] = field(default_factory=list)
    wanted: int = 1
    failure: Failure | None = None

    @property
    def is_ending(self) -> bool:
        """Whether the supervisor is about to end, or has."""
        return self.phase in ("stopping", "stopped", "failed")

    @property
    def base_uri(self) -> str | None:
        """Where the service listens, for this machine; None where it does not, or is to end."""
        if self.address is None or not self.port or self.is_ending:
            return None
        host = _ANY_ADDRESS.get(self.address, self.address)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All that is seen of a service at one moment.

    Attributes:
        process: The supervisor that was started last; None where none ever was.
        alive: Whether it runs.
        desired: Generation that the supervisor was last told to run.
        state: What that supervisor says; None before it has said anything.
    """

    process: ProcessIdentity | None
    alive: bool
    desired: int
    state: SupervisorState | None

    @property
    def elsewhere(self) -> bool:
        """Whether the service was started by another host, whose processes cannot be seen."""
        return self.process is not None and not here(self.process)

    @property
    def rebooted(self) -> bool:
        """Whether the operating system was started again since."""
        return self.process is not None and not same_boot(self.process)


def observe(service: ServiceFolder) -> Observation:
    """Look at a service."""
    process = _read(service.process, ProcessIdentity)
    # Whether it lives comes first: what it says at its end is then not missed.
    alive = process is not None and is_alive(process)
    state = _read(service.state / "state.json", SupervisorState)
    if state is not None and not alive and (process is None or here(process)):
        found = _unrecorded(service, state)
        process, alive = found or process, found is not None
    if state is not None and process is not None and state.supervisor.pid != process.pid:
        state = None
    desired = _read(service.state / "desired.json", _Desired)
    return Observation(
        process=process,
        alive=alive,
        desired=desired.generation if desired else 0,
        state=state,
    )


def answers(uri: str) -> bool:
    """Whether the service says that it is ready."""
    try:
        with closing(connection_to(uri, seconds=_ANSWER_SECONDS)) as connection:
            connection.request("GET", _READY_ROUTE)
            return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _unrecorded(service: ServiceFolder, state: SupervisorState) -> ProcessIdentity | None:
    """Find a supervisor whose starter was killed before it could write down whom it started."""
    try:
        words = psutil.Process(state.supervisor.pid).cmdline()
        return identify(state.supervisor.pid) if str(service.state) in words else None
    except psutil.Error:
        return None


@dataclass(frozen=True, kw_only=True)
class _Desired:
    generation: int


def _read(path: Path, kind: type[T]) -> T | None:
    """Read a record of another process; None where there is none that can be read."""
    try:
        return read_record(path, kind)
    except (FileNotFoundError, DamagedRecordError):
        return None
