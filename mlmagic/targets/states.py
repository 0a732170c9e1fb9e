"""The state of a local service, derived from its record and from what can be seen.

Follows section 8 of the states of Azure ML v1: ``Transitioning`` while something is under way,
``Healthy`` when every wanted worker is ready and the service answers, ``Unhealthy`` when it was
deployed but does not answer now, ``Failed`` when it cannot come up or is gone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlmagic.entities import Reason, Replica, ServiceState, ServiceStatus
from mlmagic.targets.observing import answers
from mlmagic.targets.processes import is_alive

if TYPE_CHECKING:
    from mlmagic.entities import ServiceRecord
    from mlmagic.targets.observing import Failure, Observation, SupervisorState, Worker

STAGES = {
    "environment": Reason.ENVIRONMENT,
    "start": Reason.STARTING,
    "import": Reason.STARTING,
    "init": Reason.INITIALISING,
    "sample": Reason.SCORING_SAMPLE,
    "ready": Reason.STARTING,
}
# Those of a job that makes an image before anything starts.
JOB_STAGES = {**STAGES, "image": Reason.BUILDING_IMAGE, "push": Reason.PUSHING_IMAGE}


def status_of(record: ServiceRecord, seen: Observation) -> ServiceStatus:
    """Derive the state of a service."""
    if record.wanted == "deleting":
        return plain_status(ServiceState.DELETING, Reason.STOPPING)
    if record.wanted == "stopped":
        return _stopped(seen)
    if seen.elsewhere and seen.process is not None:
        message = f"it runs on host '{seen.process.host}', whose processes cannot be seen from here"
        return plain_status(ServiceState.UNHEALTHY, Reason.NOT_ANSWERING, message)
    if not seen.alive:
        return _gone(record, seen)
    if seen.state is None:
        return plain_status(ServiceState.TRANSITIONING, Reason.STARTING, stage="start")
    return _alive(record, seen, seen.state)


def failure_of(record: ServiceRecord, seen: Observation) -> ServiceStatus | None:
    """Say why the current revision did not come up; None where it did or still may."""
    if record.failure is not None:
        return record.failure
    if seen.state is not None and (failure := seen.state.failure) is not None:
        over = not seen.alive or seen.state.is_ending
        if failure.generation == record.current and (over or _passed_by(record, seen.state)):
            return failed(record, failure)
    if _interrupted(record, seen):
        return plain_status(ServiceState.FAILED, Reason.DEPLOY_INTERRUPTED)
    return None


def failed(record: ServiceRecord, failure: Failure) -> ServiceStatus:
    """Turn what the supervisor says of a failure into a status."""
    from mlmagic.scripts import render_traceback

    traceback = ""
    kept = {revision.generation: revision for revision in record.revisions}
    if failure.frames and failure.generation in kept:
        revision = kept[failure.generation]
        traceback = render_traceback(
            failure.frames,
            failure.exception,
            script=revision.spec.source.entry_script,
            origin=revision.origin,
        )
    known = {reason.value for reason in Reason}
    reason = Reason(failure.reason) if failure.reason in known else Reason.CRASHED
    return plain_status(ServiceState.FAILED, reason, failure.message, traceback=traceback)


def update_failed(answering: int, record: ServiceRecord, failure: ServiceStatus) -> str:
    """Say that the newest revision did not come up while an older one answers."""
    why = f"{failure.reason}{': ' if failure.message else ''}{failure.message}"
    return f"revision {answering} answers; revision {record.current} did not come up: {why}"


def _stopped(seen: Observation) -> ServiceStatus:
    if seen.alive:
        return plain_status(ServiceState.TRANSITIONING, Reason.STOPPING)
    return plain_status(ServiceState.UNHEALTHY, Reason.STOPPED)


def _gone(record: ServiceRecord, seen: Observation) -> ServiceStatus:
    """No supervisor runs though one should."""
    if record.deploying is not None and is_alive(record.deploying):
        return plain_status(ServiceState.TRANSITIONING, Reason.STARTING, stage="start")
    if (failure := failure_of(record, seen)) is not None:
        return failure
    if seen.rebooted:
        return plain_status(ServiceState.FAILED, Reason.HOST_RESTARTED)
    if seen.state is not None and seen.state.phase == "failed" and seen.state.failure is not None:
        return failed(record, seen.state.failure)
    return plain_status(ServiceState.FAILED, Reason.SUPERVISOR_GONE)


def _alive(record: ServiceRecord, seen: Observation, state: SupervisorState) -> ServiceStatus:
    failure = failure_of(record, seen)
    if state.is_ending:
        return failure or _with_workers(ServiceState.TRANSITIONING, Reason.STOPPING, state)
    if not state.generation:
        return failure or _starting(state)
    if failure is None and _hands_over(record, state):
        message = f"revision {_answering(state)} answers meanwhile"
        return _with_workers(ServiceState.TRANSITIONING, Reason.UPDATING, state, message)
    return _serving(record, state, failure)


def _starting(state: SupervisorState) -> ServiceStatus:
    reason = STAGES.get(state.stage, Reason.STARTING)
    return _with_workers(ServiceState.TRANSITIONING, reason, state)


def _serving(
    record: ServiceRecord, state: SupervisorState, failure: ServiceStatus | None
) -> ServiceStatus:
    """A revision serves: do all its workers, and does it answer?"""
    ready = sum(worker.ready for worker in _serving_workers(state))
    if ready < state.wanted:
        reason = Reason.CRASHED
        message = f"{ready} of {state.wanted} workers ready"
        if state.failure is not None:
            last = failed(record, state.failure)
            reason, message = last.reason, f"{message}; {last.message}"
        return _with_workers(ServiceState.UNHEALTHY, reason, state, message)
    if state.base_uri is None or not answers(state.base_uri):
        return _with_workers(ServiceState.UNHEALTHY, Reason.NOT_ANSWERING, state)
    if failure is None:
        return _with_workers(ServiceState.HEALTHY, Reason.READY, state)
    message = update_failed(state.generation, record, failure)
    return _with_workers(
        ServiceState.HEALTHY, Reason.UPDATE_FAILED, state, message, traceback=failure.traceback
    )


def _hands_over(record: ServiceRecord, state: SupervisorState) -> bool:
    """Whether a revision other than the current one may still answer."""
    return (
        record.current != state.generation
        or state.phase == "updating"
        or _answering(state) != state.generation
    )


def _answering(state: SupervisorState) -> int:
    """Return the oldest revision with a worker that accepts; workers of old ones drain last."""
    return min((w.generation for w in state.workers if w.ready), default=state.generation)


def _passed_by(record: ServiceRecord, state: SupervisorState) -> bool:
    """Whether an update is over and an older revision serves on."""
    return state.phase == "serving" and 0 < state.generation < record.current


def _interrupted(record: ServiceRecord, seen: Observation) -> bool:
    """Whether the deploying process died before the supervisor knew."""
    if record.deploying is None or is_alive(record.deploying):
        return False
    if seen.alive and seen.state is None and seen.desired == record.current:
        return False
    reached = seen.state.target_generation if seen.state is not None else 0
    return reached < record.current


def _serving_workers(state: SupervisorState) -> list[Worker]:
    return [worker for worker in state.workers if worker.generation == state.generation]


def _with_workers(
    status: ServiceState,
    reason: Reason,
    state: SupervisorState,
    message: str = "",
    *,
    traceback: str = "",
) -> ServiceStatus:
    return ServiceStatus(
        state=status,
        reason=reason,
        message=message,
        stage=state.stage,
        replicas_wanted=state.wanted,
        replicas=tuple(_replica(worker) for worker in state.workers),
        traceback=traceback,
        generation=state.generation,
    )


def _replica(worker: Worker) -> Replica:
    return Replica(
        name=f"{worker.pid}",
        ready=worker.ready,
        stage=worker.stage,
        pid=worker.pid,
        started_at=datetime.fromtimestamp(worker.started, UTC) if worker.started else None,
        restarts=worker.restarts,
        memory_bytes=worker.memory_bytes,
    )


def plain_status(
    state: ServiceState,
    reason: Reason,
    message: str = "",
    *,
    stage: str = "",
    traceback: str = "",
    next_step: str = "",
) -> ServiceStatus:
    """Return a status without replicas."""
    return ServiceStatus(
        state=state,
        reason=reason,
        message=message,
        stage=stage,
        traceback=traceback,
        next_step=next_step,
    )
