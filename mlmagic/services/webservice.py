"""The handle of a service."""

from __future__ import annotations

import contextlib
import sys
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from mlmagic.entities import Reason, ServiceEvent, ServiceState
from mlmagic.errors import (
    DeploymentFailedError,
    ServiceError,
    ServiceNotFoundError,
    ServiceUnavailableError,
)
from mlmagic.services import scoring_requests, snapshots, static_view, waiting
from mlmagic.services.addresses import for_browser
from mlmagic.services.plan import differences
from mlmagic.targets.logs import LogPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.entities import DeploymentSpec, ServiceRecord, ServiceStatus
    from mlmagic.services.catalogue import Services
    from mlmagic.services.plan import Change, Plan
    from mlmagic.services.scoring_requests import Answer
    from mlmagic.targets import Keys, Target

_HEALTHY_SECONDS = 1200.0
_MARGIN_SECONDS = 5.0
_KEY_RELOAD_SECONDS = 0.5
_KEYS = ("Primary", "Secondary")


class Webservice:
    """A handle of a service: everything it tells is looked up when it is asked.

    Args:
        services: The services of the workspace.
        name: The service.
        outcome: What the deployment did: ``created``, ``updated``, ``unchanged``, ``started``,
            ``replaced``; empty where the handle was only fetched.

    Example:
        >>> service = workspace.webservices["diabetes-svc"]  # doctest: +SKIP
        >>> service.run({"data": [[0.1, 0.2]]})  # doctest: +SKIP
        [189.8]
    """

    def __init__(self, services: Services, name: str, *, outcome: str = "") -> None:
        self._services = services
        self._known_healthy = 0
        self.name = name
        self.outcome = outcome

    @property
    def record(self) -> ServiceRecord:
        """The durable record.

        Raises:
            ServiceNotFoundError: The service was deleted.
        """
        return self._services.record(self.name)

    @property
    def status(self) -> ServiceStatus:
        """State, reason, message and next step, as they are now."""
        return self._services.status(self.name)

    @property
    def state(self) -> ServiceState:
        """``Transitioning``, ``Healthy``, ``Unhealthy``, ``Unschedulable``, ``Failed``, …."""
        return self.status.state

    @property
    def failure(self) -> ServiceStatus | None:
        """Why the current revision did not come up; None where it did or still may."""
        return self._services.failure(self.name)

    @property
    def serving(self) -> int:
        """The revision that answers now; 0 where none does."""
        return self.status.generation

    @property
    def target(self) -> str:
        """Where it runs, such as ``local``."""
        return self.record.target

    @property
    def internal_uri(self) -> str | None:
        """Where this machine scores; None while nothing listens."""
        base = self._base_uri()
        return f"{base}/score" if base else None

    @property
    def scoring_uri(self) -> str | None:
        """Where the user's browser scores; on a JupyterHub, through its proxy."""
        base = self._base_uri()
        return f"{for_browser(base)}/score" if base else None

    @property
    def address_kind(self) -> str:
        """What the scoring address leads through, such as ``Ingress``; empty for this machine."""
        try:
            target, record = self._reached()
        except ServiceNotFoundError:
            return ""
        return target.address_kind(record)

    @property
    def swagger_uri(self) -> str | None:
        """Where the description of the service is, for the user's browser."""
        base = self._base_uri()
        return f"{for_browser(base)}/swagger.json" if base else None

    @property
    def sample_body(self) -> str | bytes:
        """The body of the test request.

        Raises:
            ServiceError: The service has no sample.
        """
        sample = self.record.spec.sample
        if sample is None:
            raise ServiceError(
                f"Service '{self.name}' has no sample.",
                hint="Give the data, or deploy with --sample.",
            )
        body = self._services.content.read_bytes(sample.content)
        return body if sample.kind == "bytes" else body.decode()

    def run(self, data: Any, *, timeout: float | None = None) -> Any:
        """Score data and return the decoded answer; waits until the service is Healthy.

        Args:
            data: A JSON value, a data frame, an array, or a body as text or bytes.
            timeout: Seconds for waiting and scoring together; None allows 20 minutes to become
                Healthy, and what the service allows for scoring.

        Raises:
            ScoringError: The service answered with an error.
            ServiceUnavailableError: The service is not running or does not answer.
            DeploymentFailedError: It did not become Healthy.
        """
        body, media_type = scoring_requests.encode(data)
        return scoring_requests.decode(self.ask(body, media_type, timeout=timeout), self.name)

    def ask(self, body: bytes, media_type: str, *, timeout: float | None = None) -> Answer:
        """Post a body as it is and return the answer, whatever its status.

        Args:
            body: The request.
            media_type: Its ``Content-Type``.
            timeout: As for `run`.

        Raises:
            ServiceUnavailableError: The service is not running or does not answer.
            DeploymentFailedError: It did not become Healthy.
        """
        began = time.monotonic()
        record = self._ready(_HEALTHY_SECONDS if timeout is None else timeout)
        if timeout is None:
            seconds = record.spec.config.scoring_timeout_ms / 1000 + _MARGIN_SECONDS
        else:
            seconds = max(timeout - (time.monotonic() - began), 0.1)
        answer = self._post(body, media_type, seconds)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # The keys were changed just now: the server may be about to read them, or we were.
            time.sleep(_KEY_RELOAD_SECONDS)
            answer = self._post(body, media_type, seconds)
        return answer

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the requests, from the service's own description.

        Returns:
            Empty where the script tells none, or the service does not answer.
        """
        base, keys = self.scoring_access()
        return scoring_requests.input_schema(base, keys.primary if keys else None) if base else {}

    def changes(self, generation: int) -> tuple[Change, ...]:
        """Say in words what a revision changed of the one that is kept before it.

        Args:
            generation: The revision.

        Raises:
            ServiceError: It is not kept.
        """
        kept = {revision.generation: revision.spec for revision in self.record.revisions}
        if generation not in kept:
            numbers = ", ".join(map(str, kept))
            raise ServiceError(
                f"Service '{self.name}' has no revision '{generation}'.",
                hint=f"Kept are: {numbers}.",
            )
        before = max((number for number in kept if number < generation), default=None)
        return differences(None if before is None else kept[before], kept[generation])

    def get_logs(self, num_lines: int = 5000) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log_lines(num_lines))

    def log_lines(self, num_lines: int) -> list[str]:
        """Return the last lines of the log, apart."""
        try:
            record = self.record
        except ServiceNotFoundError:
            return []
        return self._services.target(record).logs(record, num_lines)

    def follow_logs(self, num_lines: int = 100, timeout: float | None = None) -> Iterator[str]:
        """Follow the log, of all replicas in the order of time, until the service is deleted.

        Args:
            num_lines: How many of the lines that are there come first.
            timeout: Seconds; None follows until the reader ends it.

        Example:
            >>> for line in service.follow_logs(timeout=60):  # doctest: +SKIP
            ...     print(line)
        """
        until = None if timeout is None else time.monotonic() + timeout
        record = self.record
        with contextlib.closing(self._services.target(record).follow_logs(record, num_lines)) as on:
            for page in on:
                yield from page
                if until is not None and time.monotonic() > until:
                    return
                if self.name not in self._services.names():
                    return

    def events(self) -> list[str]:
        """Return what happened to the service, the oldest first.

        Its deployments, and what its target keeps: the cluster its events, the engine those of the
        last time, and the supervisor of a local service its own.
        """
        record = self.record
        deployed = (
            ServiceEvent(
                at=revision.created_at,
                reason="Deployed",
                about=f"revision/{revision.generation}",
                message=revision.note or _parts_of(revision.spec),
            )
            for revision in record.revisions
        )
        told = [*deployed, *self._services.target(record).events(record)]
        return [event.line for event in sorted(told, key=lambda event: event.at)]

    def export(self) -> list[dict[str, Any]]:
        """Return the objects that a service in a cluster is made of, for GitOps.

        Raises:
            TargetError: It does not run in a cluster.
        """
        record = self.record
        return self._services.target(record).export(record)

    def new_lines(self, mark: object, limit: int) -> LogPage:
        """Return what was logged since a mark; None begins with the last lines that there are.

        Args:
            mark: ``mark`` of the page before.
            limit: How many lines at most; how many more there were is told.
        """
        try:
            record = self.record
        except ServiceNotFoundError:
            return LogPage(lines=[], mark=mark)
        return self._services.target(record).new_logs(record, mark, limit)

    def get_keys(self) -> tuple[str, str]:
        """Return the primary and the secondary key; either is accepted."""
        keys = self._services.keys(self.name)
        return keys.primary, keys.secondary

    def regen_key(self, which: str, set_key: str | None = None) -> None:
        """Replace the ``Primary`` or ``Secondary`` key without a restart.

        Args:
            which: Which key.
            set_key: The new key; None makes a random one.
        """
        self._services.regenerate_key(self.name, which, set_key)

    def set_keys(self, primary: str | None, secondary: str | None) -> None:
        """Bring in keys that were given; None leaves the one that there is.

        Some targets make the keys with the first container: then its start is waited for, so that
        the keys are set even where nobody waits for the deployment.
        """
        given = {which: key for which, key in zip(_KEYS, (primary, secondary), strict=True) if key}
        try:
            self._regenerate(given)
        except ServiceUnavailableError:
            with contextlib.suppress(DeploymentFailedError):  # told to who waits for it
                self.wait_for_deployment()
                self._regenerate(given)

    def wait_for_deployment(
        self,
        show_output: bool = False,  # noqa: FBT001, FBT002 - as Azure ML v1
        timeout_sec: float | None = None,
        *,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        """Wait until the service is Healthy; Ctrl-C stops the waiting, not the deployment.

        Args:
            show_output: Print a line whenever something changes.
            timeout_sec: Seconds to wait; None waits for ever.
            on_event: Receives the lines instead.

        Raises:
            DeploymentFailedError: It did not become Healthy; the message shows why.
            DeploymentTimeoutError: It was not Healthy in time.
        """
        report = on_event or (_write if show_output else _ignore)
        waiting.wait(self, timeout=timeout_sec, report=report)

    def wait_for_change(self, seconds: float) -> None:
        """Return when something of the service may have changed, at the latest in time."""
        try:
            record = self.record
        except ServiceNotFoundError:
            return
        self._services.target(record).wait_for_change(record, seconds)

    def scoring_access(self) -> tuple[str | None, Keys | None]:
        """Return where this machine reaches the service, None while nothing listens, and its keys.

        Raises:
            ServiceNotFoundError: The service was deleted.
        """
        target, record = self._reached()
        return target.base_uri(record), target.keys(record)

    def update(self, **changes: Any) -> Webservice | Plan:
        """Change the named parts; takes the options of ``Workspace.deploy``."""
        if self._services.updater is None:
            raise ServiceError(
                f"Service '{self.name}' can only be updated through its workspace.",
                hint=f"Use Workspace().update_service('{self.name}', …).",
            )
        return self._services.updater(self.name, **changes)

    def reload(self) -> None:
        """Run the script and its files as they lie now; nothing else changes."""
        if self._services.reloader is None:
            raise ServiceError(
                f"Service '{self.name}' can only be reloaded through its workspace.",
                hint=f"Use Workspace().reload_service('{self.name}').",
            )
        if self._services.reloader(self.name).outcome == "unchanged":
            self.restart()

    def rollback(self, to: int | None = None) -> None:
        """Go back to an earlier revision; None is the one before the current."""
        self.outcome = self._services.rollback(self.name, to=to)

    def stop(self) -> None:
        """Stop the service; `start` brings it back."""
        self._known_healthy = 0
        self._services.stop(self.name)

    def start(self) -> None:
        """Start the service where it does not run."""
        self._services.start(self.name)

    def restart(self) -> None:
        """Start its processes anew without losing a request."""
        self._services.restart(self.name)

    def delete(self) -> None:
        """Delete the service with its keys, logs and revisions."""
        self._services.delete(self.name)

    def close(self) -> None:
        """Close the port-forward to a service in a cluster, where no other handle needs it.

        The service runs on, and the handle can be used: the next address opens it again. Without
        this it closes a while after the last handle is gone.
        """
        with contextlib.suppress(ServiceNotFoundError):
            record = self.record
            self._services.target(record).release(record, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def snapshot(self) -> dict[str, Any]:
        """Return what is known of the service as plain JSON values, without its keys."""
        return snapshots.snapshot(self)

    def __repr__(self) -> str:
        return static_view.render_text(self.snapshot())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return static_view.mime_bundle(self.snapshot())

    def _regenerate(self, given: dict[str, str]) -> None:
        now = dict(zip(_KEYS, self.get_keys(), strict=True)) if given else {}
        for which, key in given.items():
            if now[which] != key:
                self.regen_key(which, key)

    def _base_uri(self) -> str | None:
        try:
            target, record = self._reached()
        except ServiceNotFoundError:
            return None
        return target.base_uri(record)

    def _reached(self) -> tuple[Target, ServiceRecord]:
        """Return what tells the address of the service, which stays while this handle lives."""
        record = self.record
        target = self._services.target(record)
        target.hold(record, self)
        return target, record

    def _ready(self, seconds: float) -> ServiceRecord:
        """Wait until the service may be asked; once it was Healthy, an answer tells the rest."""
        record = self.record
        if self._known_healthy == record.generation:
            return record
        status = self.status
        if status.reason is Reason.UPDATE_FAILED:
            return record
        away = status.reason in (Reason.STOPPED, Reason.TARGET_UNAVAILABLE)
        if status.state is ServiceState.FAILED or away:
            raise self._unavailable(status)
        waiting.wait(self, timeout=seconds, report=_ignore)
        self._known_healthy = self.record.generation
        return self.record

    def _post(self, body: bytes, media_type: str, seconds: float) -> Answer:
        base, keys = self.scoring_access()
        if base is None:
            raise self._unavailable(self.status)
        try:
            return scoring_requests.post(
                f"{base}/score",
                body,
                media_type,
                key=keys.primary if keys else None,
                timeout=seconds,
            )
        except ServiceUnavailableError as error:
            self._known_healthy = 0
            status = self.status
            if status.state is ServiceState.HEALTHY:
                raise
            raise ServiceUnavailableError(
                f"{error.message} It is {status.state}: {status.message}",
                hint=f"Next: {status.next_step}" if status.next_step else None,
            ) from error

    def _unavailable(self, status: ServiceStatus) -> ServiceUnavailableError | ServiceError:
        self._known_healthy = 0
        if status.state is ServiceState.FAILED:
            return waiting.failed(self, status)
        hint = f"Next: {status.next_step}" if status.next_step else None
        return ServiceUnavailableError(
            f"Service '{self.name}' is {status.state}: {status.message}", hint=hint
        )


def _ignore(_line: str) -> None:
    """Progress that nobody wants to see."""


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parts_of(spec: DeploymentSpec) -> str:
    return ", ".join([spec.source.entry_script, *(model.id for model in spec.models)])
