"""Deployments: how a service comes to run a specification."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.entities import Reason, Revision, ServiceRecord, ServiceState
from mlmagic.errors import (
    ServiceError,
    ServiceExistsError,
    TargetNotFoundError,
    TargetUnavailableError,
    did_you_mean,
)
from mlmagic.services.diagnosis import in_words
from mlmagic.services.plan import Change, Plan, differences
from mlmagic.services.records import check_name
from mlmagic.targets.processes import identify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlmagic.entities import CellOrigin, DeploymentSpec, PlacedModel, ServiceStatus
    from mlmagic.services.records import ServiceRecords
    from mlmagic.targets import Target

Outcome = Literal["created", "updated", "unchanged", "started", "replaced"]
_KEPT_REVISIONS = 10
_NEEDS_START = (
    Reason.STOPPED,
    Reason.HOST_RESTARTED,
    Reason.SUPERVISOR_GONE,
    Reason.CONTAINER_GONE,
)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A specification on its way to a target.

    Attributes:
        origin: Cell of the entry script.
        script_path: Where the script lay.
        source_directory: Where its folder lay, if one was given.
        secrets: Values of the secrets that are new.
        note: Why it is made.
    """

    spec: DeploymentSpec
    origin: CellOrigin | None = None
    script_path: str = ""
    source_directory: str | None = None
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    note: str = ""


class Deployer:
    """Brings services to specifications.

    Args:
        records: The records of the services.
        targets: The targets by name.
    """

    def __init__(self, records: ServiceRecords, targets: Mapping[str, Target]) -> None:
        self._records = records
        self._targets = targets

    def target(self, name: str) -> Target:
        """Return a target.

        Raises:
            TargetNotFoundError: There is none of this name.
        """
        if name not in self._targets:
            raise TargetNotFoundError(
                f"There is no compute target '{name}'.", hint=did_you_mean(name, self._targets)
            )
        return self._targets[name]

    def submit(self, submission: Submission, *, overwrite: bool = False) -> Outcome:
        """Create a service or bring it to the specification; returns before it is ready."""
        spec = submission.spec
        check_name(spec.name)
        target = self.target(spec.target)
        with self._records.lease(spec.name):
            record = self._records.find(spec.name)
            if record is not None and record.wanted == "deleting":
                self.remove(record)
                record = None
            if record is not None and record.spec.source == spec.source:
                # Sources that stay keep their commit, which is in the image: it stays too.
                spec = replace(spec, commit=record.spec.commit)
                submission = replace(submission, spec=spec)
            if record is not None and record.target != spec.target:
                self._replace(record, spec, target, overwrite=overwrite)
                self._deploy(None, submission, target)
                return "replaced"
            if record is not None and record.spec.digest == spec.digest:
                return self._repeat(record, submission, target)
            self._deploy(record, submission, target)
            return "created" if record is None else "updated"

    def plan(self, spec: DeploymentSpec) -> Plan:
        """Say what `submit` would do; nothing is changed."""
        check_name(spec.name)
        target = self.target(spec.target)
        record = self._records.find(spec.name)
        if record is not None and record.target != spec.target:
            return Plan(spec.name, "replace", differences(record.spec, spec))
        try:
            lacking = target.check(spec, record=record)
            problem = in_words(lacking, spec.name).message if lacking else ""
        except TargetUnavailableError as error:
            problem = str(error)
        changes = differences(record.spec if record else None, spec)
        if not problem and (record is None or record.spec.digest != spec.digest):
            changes += tuple(Change(*part) for part in target.preview(spec, record=record))
        if record is None:
            return Plan(spec.name, "create", changes, problem)
        if record.spec.digest != spec.digest:
            return Plan(spec.name, "update", changes, problem)
        status = target.status(record)
        if status.reason in _NEEDS_START:
            return Plan(spec.name, "start", changes)
        if _is_broken(status):
            return Plan(spec.name, "retry", changes, problem)
        return Plan(spec.name, "update" if changes else "nothing", changes)

    def rollback(
        self, name: str, *, to: int | None, check: Callable[[PlacedModel], object] | None
    ) -> Outcome:
        """Deploy an earlier revision as a new one, if its models still may be deployed."""
        from mlmagic.environments.runtime import runtime_digest

        record = self._records.read(name)
        revision = _earlier(record, to)
        if check is not None:
            for model in revision.spec.models:
                check(model)
        # The files of the revision, under the server that is installed now.
        spec = replace(revision.spec, runtime=runtime_digest())
        return self.submit(
            Submission(
                spec=spec,
                origin=revision.origin,
                script_path=revision.script_path,
                source_directory=revision.source_directory,
                note=f"rollback to revision {revision.generation}",
            )
        )

    def remove(self, record: ServiceRecord) -> None:
        """Take a service away; the caller holds the lease."""
        if record.wanted != "deleting":
            with _full_disk_allowed():  # deleting is what makes room
                record = self._records.change(record, wanted="deleting")
        self.target(record.target).delete(record)
        self._records.remove(record.name)

    def discard(self, name: str) -> None:
        """Take away a service whose record cannot be read; the caller holds the lease."""
        for target in self._targets.values():
            target.discard(name)
        self._records.remove(name)

    def _replace(
        self, record: ServiceRecord, spec: DeploymentSpec, target: Target, *, overwrite: bool
    ) -> None:
        if not overwrite:
            raise ServiceExistsError(
                f"Service '{record.name}' exists on target '{record.target}'.",
                hint="Replace it with --overwrite, or choose another name.",
            )
        target.check(spec, record=None)
        self.remove(record)

    def _repeat(self, record: ServiceRecord, submission: Submission, target: Target) -> Outcome:
        """The same specification again: nothing to do, unless it does not run."""
        spec = submission.spec
        status = target.status(record)
        if _is_broken(status) or target.newer(record) is not None:
            self._deploy(record, submission, target)
            return "updated"
        described_anew = spec != record.spec
        if described_anew:
            revisions = tuple(
                replace(r, spec=spec) if r.generation == record.current else r
                for r in record.revisions
            )
            record = self._records.change(record, revisions=revisions)
        if status.reason not in _NEEDS_START:
            return "updated" if described_anew else "unchanged"
        target.check(spec, record=record)
        record = self._records.change(record, wanted="running", deploying=None)
        target.start(record)
        return "started"

    def _deploy(self, before: ServiceRecord | None, submission: Submission, target: Target) -> None:
        """Write the truth first, then act; whatever goes wrong, the record goes back."""
        lacking = target.check(submission.spec, record=before)
        record = self._announce(before, submission, lacking)
        if lacking is not None:
            self._records.change(record, deploying=None)
            return
        try:
            act = target.create if before is None else target.update
            act(record, secrets=submission.secrets)
        except BaseException:
            self._take_back(before, record, target)
            raise
        record = self._records.change(record, deploying=None)
        self._forget_old(before, record, target)

    def _announce(
        self,
        before: ServiceRecord | None,
        submission: Submission,
        lacking: ServiceStatus | None,
    ) -> ServiceRecord:
        now = datetime.now(UTC)
        number = before.revisions[-1].generation + 1 if before is not None else 1
        revision = Revision(
            generation=number,
            spec=submission.spec,
            created_at=now,
            origin=submission.origin,
            script_path=submission.script_path,
            source_directory=submission.source_directory,
            note=submission.note,
        )
        changes: dict[str, Any] = {"current": number, "deploying": identify(), "failure": lacking}
        if before is not None:
            revisions = self._kept((*before.revisions, revision), before)
            return self._records.change(before, wanted="running", revisions=revisions, **changes)
        return self._records.add(
            ServiceRecord(
                name=submission.spec.name,
                target=submission.spec.target,
                generation=1,
                revisions=(revision,),
                created_at=now,
                updated_at=now,
                **changes,
            )
        )

    def _kept(self, revisions: tuple[Revision, ...], record: ServiceRecord) -> tuple[Revision, ...]:
        """Keep the last ones, and the one that serves."""
        if len(revisions) <= _KEPT_REVISIONS:
            return revisions  # a target is asked only where it has to be
        serving = self.target(record.target).serving(record)
        last = {revision.generation for revision in revisions[-_KEPT_REVISIONS:]}
        return tuple(r for r in revisions if r.generation in last or r.generation == serving)

    def _take_back(
        self, before: ServiceRecord | None, record: ServiceRecord, target: Target
    ) -> None:
        if before is None:
            self.remove(record)
            return
        self._records.change(
            record,
            current=before.current,
            wanted=before.wanted,
            revisions=before.revisions,
            deploying=None,
            failure=before.failure,
        )
        target.forget(record, record.current)

    def _forget_old(
        self, before: ServiceRecord | None, record: ServiceRecord, target: Target
    ) -> None:
        kept = {revision.generation for revision in record.revisions}
        for revision in before.revisions if before is not None else ():
            if revision.generation not in kept:
                target.forget(record, revision.generation)


@contextmanager
def _full_disk_allowed() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise


def _is_broken(status: ServiceStatus) -> bool:
    """Whether deploying the same again is worth a try."""
    if status.reason in _NEEDS_START:
        return False
    return (
        status.state in (ServiceState.FAILED, ServiceState.UNSCHEDULABLE)
        or status.reason is Reason.UPDATE_FAILED
    )


def _earlier(record: ServiceRecord, to: int | None) -> Revision:
    known = [revision.generation for revision in record.revisions]
    if to is None:
        before = [generation for generation in known if generation < record.current]
        if not before:
            raise ServiceError(
                f"Service '{record.name}' has no revision before '{record.current}'.",
                hint="There is nothing to go back to.",
            )
        to = before[-1]
    if to not in known:
        raise ServiceError(
            f"Service '{record.name}' has no revision '{to}'.",
            hint=f"Kept are {', '.join(str(generation) for generation in known)}.",
        )
    return record.revision(to)
