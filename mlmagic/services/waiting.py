"""Waiting for a deployment, and what is said when it fails."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import DeploymentFailedError, DeploymentTimeoutError, TargetUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.entities import ServiceStatus
    from mlmagic.services.webservice import Webservice

_PAUSE_SECONDS = 2.0  # where nothing tells of changes, a target returns sooner
_LOG_LINES, _SEARCHED_LINES = 15, 500
_TRACEBACK = "Traceback (most recent call last):"
_RECORD = re.compile(r"\d{4}-\d\d-\d\d ")
_HOPELESS = (
    ServiceState.FAILED,
    ServiceState.UNSCHEDULABLE,
    ServiceState.DELETING,
    ServiceState.DELETED,
)


def wait(
    service: Webservice, *, timeout: float | None, report: Callable[[str], None]
) -> ServiceStatus:
    """Wait until a service is Healthy with its current revision.

    Args:
        service: What to wait for.
        timeout: Seconds; None waits for ever.
        report: Receives a line whenever something changes.

    Raises:
        DeploymentFailedError: It cannot become Healthy; the message says why and shows the
            traceback, the last log lines and the next command.
        DeploymentTimeoutError: It was not Healthy in time.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    said = ""
    try:
        while True:
            status = service.status
            line = progress_line(service.name, status)
            if line != said:
                report(said := line)
            if status.state is ServiceState.HEALTHY and status.reason is Reason.READY:
                return status
            _raise_if_hopeless(service, status)
            if deadline is not None and time.monotonic() > deadline:
                raise timed_out(service, status, timeout or 0)
            service.wait_for_change(_PAUSE_SECONDS)
    except KeyboardInterrupt:
        report(f"{service.name}  no longer waited for; its deployment goes on.")
        raise


def progress_line(name: str, status: ServiceStatus) -> str:
    """Say in one line where a deployment is."""
    return f"{name}  {status.state}  {status.message}"


def failed(service: Webservice, status: ServiceStatus) -> DeploymentFailedError:
    """Build the error of a deployment that failed."""
    return DeploymentFailedError(_story(service, status), status=status)


def timed_out(service: Webservice, status: ServiceStatus, seconds: float) -> DeploymentTimeoutError:
    """Build the error of a deployment that took too long."""
    head = (
        f"Service '{service.name}' did not become Healthy within {seconds:g} s; "
        f"it is {status.state}: {status.message} The deployment goes on."
    )
    return DeploymentTimeoutError(head, status=status, hint="Look again: %ml service list")


def _raise_if_hopeless(service: Webservice, status: ServiceStatus) -> None:
    if status.reason is Reason.UPDATE_FAILED:
        raise failed(service, service.failure or status)
    if status.reason is Reason.TARGET_UNAVAILABLE and (failure := _known_failure(service)):
        raise failed(service, failure)
    if status.state in _HOPELESS or status.reason is Reason.STOPPED:
        raise failed(service, status)


def _known_failure(service: Webservice) -> ServiceStatus | None:
    """Say why a deployment failed, where that is known though its target is away."""
    try:
        return service.failure
    except TargetUnavailableError:
        return None


def _last_lines(service: Webservice) -> list[str]:
    try:
        return service.log_lines(_SEARCHED_LINES)
    except TargetUnavailableError:  # so the status says
        return []


def _story(service: Webservice, status: ServiceStatus) -> str:
    """Tell the reason, the user's traceback, the end of the log, and what to do next."""
    parts = [f"Service '{service.name}' is {status.state} ({status.reason}). {status.message}"]
    if status.state is ServiceState.FAILED and (serving := service.serving):
        parts[0] += f" Revision {serving} still answers."
    if status.traceback:
        parts.append(status.traceback.rstrip())
    lines = _without(status.traceback, _last_lines(service))[-_LOG_LINES:]
    if lines:
        parts.append("\n".join(["The last log lines:", *(f"  {line}" for line in lines)]))
    if status.next_step:
        parts.append(f"Next: {status.next_step}")
    return "\n\n".join(parts)


def _without(traceback: str, lines: list[str]) -> list[str]:
    """Leave the tracebacks of an exception that is shown already out of a log."""
    exception = traceback.rstrip().rpartition("\n")[2].strip()
    records: list[list[str]] = []
    for line in lines:
        if not records or _RECORD.match(line):
            records.append([])
        records[-1].append(line)
    for record in records:
        if exception and exception in record and _TRACEBACK in record:
            del record[record.index(_TRACEBACK) :]
    return [line for record in records for line in record]
