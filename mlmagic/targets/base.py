"""What every compute target can do."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mlmagic.errors import ConfigurationError, TargetError, TargetNotFoundError
from mlmagic.targets.logs import LogPage, after

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from mlmagic.entities import (
        DeploymentConfig,
        DeploymentSpec,
        ServiceEvent,
        ServiceRecord,
        ServiceStatus,
    )

_LOOK_SECONDS = 0.1
_FOLLOW_SECONDS, _PAGE_LINES = 0.5, 5000
C = TypeVar("C", bound="DeploymentConfig")


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The two keys of a service; either is accepted, so that they can be rotated."""

    primary: str = field(repr=False)
    secondary: str = field(repr=False)


def config_of(spec: DeploymentSpec, kind: type[C]) -> C:
    """Return the configuration of a specification, of the kind that a target runs.

    Raises:
        ConfigurationError: It is of another kind of target.
    """
    if isinstance(spec.config, kind):
        return spec.config
    raise ConfigurationError(
        f"The configuration of service '{spec.name}' is for '{spec.config.compute_type}'.",
        hint="Deploy it again, with --target.",
    )


class Target(ABC):
    """A place where services run.

    A target keeps no state in objects: everything is read from the record and from the place
    itself each time it is asked, so that any process can look at any service. A target states
    facts; `mlmagic.services` puts them in words.

    The caller holds the lease of the service during `create`, `update`, `start`, `stop`,
    `restart`, `delete` and `discard`. The others may be called at any time, from any thread.

    Attributes:
        name: What users call it: ``local``, ``docker``, or a name that they gave.
        compute_type: Its kind, as in `DeploymentConfig.compute_type`.
    """

    name: str
    compute_type: str

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

    def wait_for_change(self, record: ServiceRecord, seconds: float) -> None:
        """Return when something of the service may have changed, at the latest in time.

        Where there is nothing to watch, looking again soon is cheap: that is what this does.
        """
        del record
        time.sleep(min(seconds, _LOOK_SECONDS))

    def find(self, name: str, *, label: str | None = None) -> ServiceRecord:
        """Return the record that the target itself keeps of a service.

        It is how a service is attached to that was deployed from another machine.

        Args:
            name: The service.
            label: Its container's name, where a target may have several services of one name.

        Raises:
            TargetNotFoundError: The target keeps none.
            ServiceNotFoundError: There is no such service.
        """
        del label
        raise TargetNotFoundError(
            f"The target '{self.name}' keeps no records of services such as '{name}'.",
            hint="Services of this machine are in the workspace that deployed them.",
        )

    def newer(self, record: ServiceRecord) -> ServiceRecord | None:
        """Return the record that the target itself keeps, where it is ahead of a workspace's.

        Somebody else who is attached to the service has deployed it since; what the workspace
        has is of no use any more.
        """
        del record
        return None

    def preview(
        self, spec: DeploymentSpec, *, record: ServiceRecord | None
    ) -> list[tuple[str, str, str]]:
        """Say what deploying would change at the target itself; nothing is changed.

        Returns:
            For each part that differs its name, what it is, and what it would be.
        """
        del spec, record
        return []

    def events(self, record: ServiceRecord) -> list[ServiceEvent]:
        """Return what the target knows to have happened to a service, as far as it is kept."""
        del record
        return []

    def export(self, record: ServiceRecord) -> list[dict[str, Any]]:
        """Return the objects that a service is made of, to be kept elsewhere.

        Raises:
            TargetError: Services of this target are made of none.
        """
        raise TargetError(
            f"Service '{record.name}' on target '{self.name}' is not made of objects.",
            hint="Services of clusters are.",
        )

    @abstractmethod
    def failure(self, record: ServiceRecord) -> ServiceStatus | None:
        """Say why the current revision did not come up; None where it did or may still."""

    @abstractmethod
    def serving(self, record: ServiceRecord) -> int:
        """Return the revision that answers, or did last; 0 where none ever did."""

    @abstractmethod
    def logs(self, record: ServiceRecord, lines: int) -> list[str]:
        """Return the last lines that the service wrote."""

    def new_logs(self, record: ServiceRecord, mark: object, limit: int) -> LogPage:
        """Return what the service wrote since a mark, at most the newest ``limit`` lines.

        This compares the last lines with those of the page before; a target that can read on
        from a place does so.

        Args:
            record: The service.
            mark: ``mark`` of the page before; None begins with the last lines that there are.
            limit: How many lines at most.
        """
        now = self.logs(record, limit)
        before = list(mark) if isinstance(mark, tuple) else []
        return LogPage(lines=after(before, now), mark=tuple(now))

    def follow_logs(self, record: ServiceRecord, lines: int) -> Generator[list[str]]:
        """Follow what the service writes, for as long as somebody asks for the next page.

        This reads on whenever something may have changed; a target that is told of lines does not
        have to look.

        Args:
            record: The service.
            lines: How many lines the first page has at most.

        Yields:
            The last lines, then those that come; an empty page at least each second, so that
            the reader can see whether the service is still there.
        """
        page = self.new_logs(record, None, _PAGE_LINES)
        yield page.lines[-lines:]
        while True:
            self.wait_for_change(record, _FOLLOW_SECONDS)
            page = self.new_logs(record, page.mark, _PAGE_LINES)
            left_out = [f"… {page.dropped} lines left out"] if page.dropped else []
            yield left_out + page.lines

    @abstractmethod
    def base_uri(self, record: ServiceRecord) -> str | None:
        """Return where the service listens, seen from this process; None where it does not."""

    def address_kind(self, record: ServiceRecord) -> str:
        """Say what `base_uri` leads through, such as ``load balancer``; empty where nothing is."""
        del record
        return ""

    def hold(self, record: ServiceRecord, holder: object) -> None:
        """Keep open what `base_uri` opens in this process, for as long as an object lives.

        Where a target opens nothing, nothing is to be kept.

        Args:
            record: The service.
            holder: Who is about to ask for the address; it is referred to weakly.
        """
        del record, holder

    def release(self, record: ServiceRecord, holder: object) -> None:
        """Close what was opened for the holder, where no other needs it."""
        del record, holder

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
