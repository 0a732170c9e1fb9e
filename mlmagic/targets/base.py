"""What every compute target can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.entities import DeploymentSpec, ServiceRecord, ServiceStatus


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The two keys of a service; either is accepted, so that they can be rotated."""

    primary: str = field(repr=False)
    secondary: str = field(repr=False)


class Target(ABC):
    """A place where services run.

    A target keeps no state in objects: everything is read from the record and from the place
    itself each time it is asked, so that any process can look at any service. A target states
    facts; `mlmagic.services` puts them in words.

    The caller holds the lease of the service during `create`, `update`, `start`, `stop`,
    `restart`, `delete` and `discard`. The others may be called at any time, from any thread.
    """

    name: ClassVar[str]

    @abstractmethod
    def check(self, spec: DeploymentSpec, *, record: ServiceRecord | None) -> ServiceStatus | None:
        """Look whether the specification can run here, before anything is touched.

        Args:
            spec: What shall run.
            record: The service of that name, where there is one.

        Returns:
            None, or why it is ``Unschedulable``.

        Raises:
            TargetUnavailableError: Something else is in the way, such as a port in use.
            ConfigurationError: The configuration cannot work here.
        """

    @abstractmethod
    def create(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """Start the current revision of a new service; returns before it is ready.

        Args:
            record: The service.
            secrets: Values of the specification's secrets, as far as they are new.
        """

    @abstractmethod
    def update(self, record: ServiceRecord, *, secrets: Mapping[str, bytes]) -> None:
        """Bring the current revision up beside the one that serves, then hand over.

        No request is lost; where the new revision fails, the old one keeps serving. Returns
        before the new revision is ready.
        """

    @abstractmethod
    def status(self, record: ServiceRecord) -> ServiceStatus:
        """Say what the service is now.

        ``message`` is the bare detail (an exception, a number), for people to be put in words.
        """

    @abstractmethod
    def failure(self, record: ServiceRecord) -> ServiceStatus | None:
        """Say why the current revision did not come up; None where it did or may still."""

    @abstractmethod
    def serving(self, record: ServiceRecord) -> int:
        """Return the revision that answers, or did last; 0 where none ever did."""

    @abstractmethod
    def logs(self, record: ServiceRecord, lines: int) -> list[str]:
        """Return the last lines that the service wrote."""

    @abstractmethod
    def base_uri(self, record: ServiceRecord) -> str | None:
        """Return where the service listens, seen from this process; None where it does not."""

    @abstractmethod
    def keys(self, record: ServiceRecord) -> Keys | None:
        """Return the keys; None where the service wants none."""

    @abstractmethod
    def set_keys(self, record: ServiceRecord, keys: Keys) -> None:
        """Replace the keys without a restart."""

    @abstractmethod
    def start(self, record: ServiceRecord) -> None:
        """Start a service that does not run."""

    @abstractmethod
    def stop(self, record: ServiceRecord) -> None:
        """Stop a service, letting requests end; nothing is lost but its processes."""

    @abstractmethod
    def restart(self, record: ServiceRecord) -> None:
        """Run the current revision anew without losing a request."""

    @abstractmethod
    def forget(self, record: ServiceRecord, generation: int) -> None:
        """Remove what is kept of a revision that is no longer needed."""

    @abstractmethod
    def delete(self, record: ServiceRecord) -> None:
        """Stop a service and remove everything that the target keeps of it."""

    @abstractmethod
    def discard(self, name: str) -> None:
        """Do what `delete` does for a service whose record is lost, as far as it is here."""
