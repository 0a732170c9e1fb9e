"""The services of a workspace."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Reason, ServiceState, ServiceStatus
from mlmagic.errors import (
    ConfigurationError,
    DamagedRecordError,
    ServiceError,
    ServiceExistsError,
    ServiceNotFoundError,
    ServiceUnavailableError,
)
from mlmagic.services.deploying import Deployer, Submission
from mlmagic.services.diagnosis import in_words
from mlmagic.services.records import ServiceRecords
from mlmagic.services.webservice import Webservice
from mlmagic.targets import Keys, LocalTarget
from mlmagic.targets.keys import random_key

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlmagic.entities import CellOrigin, DeploymentSpec, PlacedModel, ServiceRecord
    from mlmagic.environments import Environments
    from mlmagic.registry import ContentStore
    from mlmagic.services.plan import Plan
    from mlmagic.targets import Target

_SHORTEST_KEY = 8


class Services:
    """The services of a workspace; every process sees the same.

    Args:
        directory: Folder of the services.
        content: Where files are placed from.
        environments: Where environments are realised.
        targets: Where services run, by name; None is this machine alone.

    Attributes:
        updater: Deploys with changed options, for `Webservice.update`; the workspace sets it.
        reloader: Deploys with the script as it lies now, for `Webservice.reload`; likewise.
        checker: Refuses a model that may not be deployed any more, for `rollback`; likewise.
    """

    def __init__(
        self,
        directory: Path,
        *,
        content: ContentStore,
        environments: Environments,
        targets: Mapping[str, Target] | None = None,
    ) -> None:
        self.content = content
        self.updater: Callable[..., Webservice | Plan] | None = None
        self.reloader: Callable[[str], Webservice] | None = None
        self.checker: Callable[[PlacedModel], object] | None = None
        if targets is None:
            local = LocalTarget(directory, content=content, environments=environments)
            targets = {local.name: local}
        self._records = ServiceRecords(directory)
        self._deployer = Deployer(self._records, targets)

    def submit(
        self,
        spec: DeploymentSpec,
        *,
        origin: CellOrigin | None = None,
        script_path: str = "",
        source_directory: str | None = None,
        secrets: Mapping[str, bytes] | None = None,
        overwrite: bool = False,
        note: str = "",
    ) -> Webservice:
        """Create a service or bring it to a specification; returns before it is ready.

        An unchanged specification does nothing; a changed one is updated in place without losing
        a request, and where it fails the revision before keeps serving.

        Args:
            spec: What shall run.
            origin: Cell that the entry script was captured from.
            script_path: Where the script lay.
            source_directory: Where its folder lay, if one was given.
            secrets: Values of the secrets that are new or changed.
            overwrite: Replace a service of this name on another target.
            note: Why it is made.

        Returns:
            The handle; its ``outcome`` is ``created``, ``updated``, ``unchanged``, ``started``
            or ``replaced``.

        Raises:
            ConfigurationError: The name is not allowed.
            ServiceExistsError: A service of this name is on another target.
            ServiceBusyError: Another process is changing the service.
            TargetUnavailableError: The port is in use.
        """
        submission = Submission(
            spec=spec,
            origin=origin,
            script_path=script_path,
            source_directory=source_directory,
            secrets=secrets or {},
            note=note,
        )
        outcome = self._deployer.submit(submission, overwrite=overwrite)
        return Webservice(self, spec.name, outcome=outcome)

    def plan(self, spec: DeploymentSpec) -> Plan:
        """Say what `submit` would change; nothing is done."""
        return self._deployer.plan(spec)

    def get(self, name: str) -> Webservice:
        """Return the handle of a service.

        Raises:
            ServiceNotFoundError: There is none; the message names the nearest.
        """
        self._records.read(name)
        return Webservice(self, name)

    def list(self) -> builtins.list[Webservice]:
        """Return the handles of all services, by name."""
        return [Webservice(self, name) for name in self.names()]

    def attach(self, name: str, target: str, *, label: str | None = None) -> Webservice:
        """Take up a service that another machine deployed, from what its target keeps of it.

        One that was taken up before is brought to what others have deployed since.

        Args:
            name: The service.
            target: Where it runs.
            label: See `Target.find`.

        Raises:
            ServiceExistsError: There is a service of this name here.
            ServiceNotFoundError: The target has none of this name.
            TargetNotFoundError: There is no such target, or it keeps no records.
        """
        with self._records.lease(name):
            here = self._records.find(name)
            if here is not None and here.target != target:
                raise ServiceExistsError(
                    f"Service '{name}' exists on target '{here.target}'.",
                    hint="Delete it, or attach in another workspace.",
                )
            if here is None:
                found = self._deployer.target(target).find(name, label=label)
                self._records.add(_on(found, target))
            elif (newer := self._deployer.target(target).newer(here)) is not None:
                if newer.created_at != here.created_at:  # made anew: nothing of the old one is left
                    self._records.remove(name)
                generation = max(here.generation, newer.generation) + 1
                self._records.add(_on(replace(newer, generation=generation), target))
        return Webservice(self, name)

    def names(self) -> builtins.list[str]:
        """The names of all services."""
        return self._records.names()

    def models_in_use(self) -> dict[str, builtins.list[str]]:
        """Return which services run which model (by id).

        Raises:
            DamagedRecordError: Nobody knows what one of the services runs.
        """
        used: defaultdict[str, builtins.list[str]] = defaultdict(list)
        for record in map(self.record, self.names()):
            serving = self.target(record).serving(record)
            running = [r for r in record.revisions if r.generation in (record.current, serving)]
            for model in dict.fromkeys(m.id for r in running for m in r.spec.models):
                used[model].append(record.name)
        return dict(used)

    def locks_in_use(self) -> set[str]:
        """Return the identities of the environments that any kept revision needs.

        Raises:
            DamagedRecordError: Nobody knows what one of the services needs.
        """
        records = map(self.record, self.names())
        return {r.spec.lock.identity for record in records for r in record.revisions}

    def readable(self) -> builtins.list[ServiceRecord]:
        """Return the records of all services but those that are damaged."""
        records = []
        for name in self.names():
            with suppress(DamagedRecordError, ServiceNotFoundError):
                records.append(self.record(name))
        return records

    def record(self, name: str) -> ServiceRecord:
        """Return the record of a service as it is now."""
        return self._records.read(name)

    def target(self, record: ServiceRecord) -> Target:
        """Return the target of a service."""
        return self._deployer.target(record.target)

    def status(self, name: str) -> ServiceStatus:
        """Say in words what a service is now; ``Deleted`` where there is none."""
        try:
            record = self._records.read(name)
            status = self.target(record).status(record)
        except ServiceNotFoundError:
            return ServiceStatus(
                state=ServiceState.DELETED, reason=Reason.STOPPED, message="It was deleted."
            )
        except ConfigurationError as error:
            return ServiceStatus(
                state=ServiceState.FAILED,
                reason=Reason.CONFIGURATION,
                message=error.message,
                next_step=error.hint or "",
            )
        return in_words(status, name)

    def failure(self, name: str) -> ServiceStatus | None:
        """Say in words why the current revision did not come up; None where it did or may."""
        record = self._records.read(name)
        failure = self.target(record).failure(record)
        return in_words(failure, name) if failure is not None else None

    def stop(self, name: str) -> None:
        """Stop a service; requests under way are finished."""
        with self._records.lease(name):
            record = self._records.read(name)
            changes = self._back_to_serving(record)
            record = self._records.change(record, wanted="stopped", **changes)
            self.target(record).stop(record)

    def start(self, name: str) -> None:
        """Start a service that was stopped, or that a reboot or a crash ended.

        Where its last update failed, the revision that served is started.
        """
        with self._records.lease(name):
            record = self._records.read(name)
            changes = self._back_to_serving(record)
            if record.failure is not None and not changes:
                raise ServiceUnavailableError(
                    f"Service '{name}' cannot be started: {record.failure.message}.",
                    hint=in_words(record.failure, name).next_step,
                )
            changes |= {"wanted": "running", "deploying": None}
            record = self._records.change(record, **changes)
            self.target(record).start(record)

    def restart(self, name: str) -> None:
        """Run the serving revision anew without losing a request; starts it where it is stopped."""
        record = self._records.read(name)
        if record.wanted != "running":
            self.start(name)
            return
        with self._records.lease(name):
            record = self._records.read(name)
            record = self._records.change(record, **self._back_to_serving(record))
            self.target(record).restart(record)

    def rollback(self, name: str, *, to: int | None = None) -> str:
        """Go back to an earlier revision; None is the one before the current."""
        return self._deployer.rollback(name, to=to, check=self.checker)

    def delete(self, name: str) -> None:
        """Delete a service with its keys, logs and revisions; its name is free again.

        One whose record is damaged is found by what the targets keep of it.
        """
        with suppress(DamagedRecordError):
            self._records.read(name)
        with self._records.lease(name):
            try:
                record = self._records.read(name)
            except DamagedRecordError:
                self._deployer.discard(name)
            else:
                self._deployer.remove(record)

    def keys(self, name: str) -> Keys:
        """Return the keys of a service.

        Raises:
            ServiceError: It wants none.
        """
        record = self._records.read(name)
        keys = self.target(record).keys(record)
        if keys is None:
            raise ServiceError(
                f"Service '{name}' has no keys.", hint="Deploy it with --auth key to have some."
            )
        return keys

    def regenerate_key(self, name: str, which: str, set_key: str | None = None) -> None:
        """Replace a key without a restart; None for the new key makes a random one."""
        part = which.lower()
        if part not in ("primary", "secondary"):
            raise ConfigurationError(
                f"There is no key '{which}'.", hint="Choose 'Primary' or 'Secondary'."
            )
        if set_key is not None:
            check_key(set_key)
        with self._records.lease(name):
            record = self._records.read(name)
            keys = replace(self.keys(name), **{part: set_key or random_key()})
            self.target(record).set_keys(record, keys)

    def _back_to_serving(self, record: ServiceRecord) -> dict[str, Any]:
        """Return what makes the serving revision current again after an update that failed."""
        target = self.target(record)
        serving = target.serving(record)
        if target.failure(record) is None or serving in (0, record.current):
            return {}
        return {"current": serving, "failure": None, "deploying": None}


def check_key(key: str) -> None:
    """Refuse a key that is too short, or does not fit a header.

    Raises:
        ConfigurationError: The key is so.
    """
    if len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            f"The new key has to have {_SHORTEST_KEY} or more letters, digits and marks, "
            "without spaces."
        )


def _on(record: ServiceRecord, target: str) -> ServiceRecord:
    """Return a record that another workspace wrote, where the target may have another name."""
    revisions = tuple(
        replace(each, spec=replace(each.spec, target=target)) for each in record.revisions
    )
    return replace(record, target=target, revisions=revisions)
