"""The state of a service on an engine, derived from its record, its job and what can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.entities import Reason, Replica, ServiceState, ServiceStatus
from mlmagic.scoring.supervisor.failure import diagnose
from mlmagic.targets.observing import Failure, answers
from mlmagic.targets.processes import is_alive
from mlmagic.targets.states import JOB_STAGES, STAGES, failed, plain_status, update_failed

if TYPE_CHECKING:
    from mlmagic.entities import ServiceRecord
    from mlmagic.targets.docker.observing import Container, Observation
    from mlmagic.targets.jobs import JobState

_CRASH_LOOP = 5
_LOST = 255  # what an engine says of a container that was gone when it came back


def status_of(record: ServiceRecord, seen: Observation, job: JobState | None) -> ServiceStatus:
    """Derive the state of a service."""
    if record.wanted == "deleting":
        return plain_status(ServiceState.DELETING, Reason.STOPPING)
    if record.wanted == "stopped":
        running = [each for each in (*seen.fronts, *seen.revisions) if each.running]
        if not running:
            return plain_status(ServiceState.UNHEALTHY, Reason.STOPPED)
        if not any(each.ended_at for each in running):
            return plain_status(ServiceState.TRANSITIONING, Reason.STOPPING)
        # Somebody else has started it since. No clock tells: the engine's is not the record's.
        # Where it had ended before it was stopped, it is told as it is until it drains.
    if job is not None and job.is_running:
        return _under_way(seen, job)
    failure = failure_of(record, seen, job)
    serving = seen.serving
    if serving is None:
        return failure or _without(record, seen)
    return _of_serving(record, seen, serving, failure)


def failure_of(
    record: ServiceRecord, seen: Observation, job: JobState | None
) -> ServiceStatus | None:
    """Say why the current revision did not come up; None where it did or still may."""
    if record.failure is not None:
        return record.failure
    if job is None or job.generation != record.current or job.is_running:
        return None
    if job.failure is not None:
        newest = seen.newest(record.current)
        if newest is not None and newest.told.get("reason"):
            return failed(record, failure_in(newest))
        return plain_status(ServiceState.FAILED, job.failure.reason, job.failure.message)
    if job.was_interrupted and seen.serving_generation != record.current:
        return plain_status(ServiceState.FAILED, Reason.DEPLOY_INTERRUPTED)
    return None


def failure_in(container: Container) -> Failure:
    """Say why the server in a container ended."""
    code = container.exit_code
    found = diagnose(
        _KILLED_BY.get(code, code),
        container.told,
        [],
        was_ready=container.stage in ("ready", "draining"),
        short_of_memory=container.oom_killed,
    )
    return Failure(
        generation=container.generation,
        reason=found.reason,
        message=container.error or found.message,
        frames=found.frames,
        exception=found.exception,
    )


_KILLED_BY = {128 + number: -number for number in range(1, 65)}


def _under_way(seen: Observation, job: JobState) -> ServiceStatus:
    """A deployment is being carried out."""
    stage, reason = job.stage, JOB_STAGES.get(job.stage, Reason.STARTING)
    serving = seen.serving
    if serving is not None and serving.ready:
        message = f"revision {serving.generation} answers meanwhile"
        return _with(ServiceState.TRANSITIONING, Reason.UPDATING, seen, message, stage=stage)
    return _with(ServiceState.TRANSITIONING, reason, seen, job.detail, stage=stage)


def _without(record: ServiceRecord, seen: Observation) -> ServiceStatus:
    """No container has the service."""
    if record.deploying is not None and is_alive(record.deploying):
        return plain_status(ServiceState.TRANSITIONING, Reason.STARTING, stage="start")
    if record.deploying is not None:
        return plain_status(ServiceState.FAILED, Reason.DEPLOY_INTERRUPTED)
    message = "" if seen.fronts or seen.revisions else "nothing of it is left on the engine"
    return plain_status(ServiceState.FAILED, Reason.CONTAINER_GONE, message)


def _of_serving(
    record: ServiceRecord, seen: Observation, serving: Container, failure: ServiceStatus | None
) -> ServiceStatus:
    front = seen.front_of(serving)
    if front is None:
        return plain_status(
            ServiceState.FAILED, Reason.CONTAINER_GONE, "the one that listens for it"
        )
    if not serving.running:
        return _down(seen, serving, record)
    if not front.running:
        return _front_down(seen, front)
    if not serving.ready:
        return _not_ready(seen, serving, record)
    return _ready(record, seen, serving, failure)


def _not_ready(seen: Observation, serving: Container, record: ServiceRecord) -> ServiceStatus:
    """The container that has the service runs, but does not answer yet, or no more."""
    if serving.stage == "draining":
        return _with(ServiceState.TRANSITIONING, Reason.STOPPING, seen)
    if serving.told.get("reason"):  # it is about to end
        return _ended(seen, serving, record, restarted=serving.policy != "no")
    if serving.restarts >= _CRASH_LOOP:
        message = f"{serving.restarts} times; stage '{serving.stage}'"
        return _with(ServiceState.FAILED, Reason.CRASH_LOOP, seen, message)
    if serving.restarts:
        message = f"it was restarted {serving.restarts} times; stage '{serving.stage}'"
        return _with(ServiceState.UNHEALTHY, Reason.CRASHED, seen, message)
    reason = STAGES.get(serving.stage, Reason.STARTING)
    return _with(ServiceState.TRANSITIONING, reason, seen, stage=serving.stage)


def _ready(
    record: ServiceRecord, seen: Observation, serving: Container, failure: ServiceStatus | None
) -> ServiceStatus:
    if seen.base_uri is None or not answers(seen.base_uri):
        return _with(ServiceState.UNHEALTHY, Reason.NOT_ANSWERING, seen)
    if failure is None:
        return _with(ServiceState.HEALTHY, Reason.READY, seen)
    message = update_failed(serving.generation, record, failure)
    return _with(
        ServiceState.HEALTHY, Reason.UPDATE_FAILED, seen, message, traceback=failure.traceback
    )


def _down(seen: Observation, serving: Container, record: ServiceRecord) -> ServiceStatus:
    """The container that has the service does not run."""
    if serving.state == "paused":
        message = f"container '{serving.name}' is paused"
        return _with(ServiceState.UNHEALTHY, Reason.NOT_ANSWERING, seen, message)
    if serving.exit_code == _LOST and serving.policy == "no" and not serving.told.get("reason"):
        message = "its restart policy 'no' left it down"
        return _with(ServiceState.FAILED, Reason.HOST_RESTARTED, seen, message)
    restarted = serving.state == "restarting"
    if not restarted and _stopped_by_hand(serving):
        message = f"container '{serving.name}', by somebody else"
        return _with(ServiceState.UNHEALTHY, Reason.STOPPED, seen, message)
    return _ended(seen, serving, record, restarted=restarted)


def _ended(
    seen: Observation, serving: Container, record: ServiceRecord, *, restarted: bool
) -> ServiceStatus:
    """The server ended by itself; the engine starts it again, or leaves it."""
    last = failed(record, failure_in(serving))
    if restarted and serving.restarts >= _CRASH_LOOP:
        message = f"{serving.restarts} times; {last.message}"
        return _with(ServiceState.FAILED, Reason.CRASH_LOOP, seen, message, last.traceback)
    if restarted:
        return _with(ServiceState.UNHEALTHY, last.reason, seen, last.message, last.traceback)
    return _with(ServiceState.FAILED, last.reason, seen, last.message, last.traceback)


def _stopped_by_hand(container: Container) -> bool:
    """Whether the engine would have started it again, had it ended by itself."""
    if container.error or container.oom_killed:
        return False
    if container.policy in ("always", "unless-stopped"):
        return True
    return container.exit_code == 0


def _front_down(seen: Observation, front: Container) -> ServiceStatus:
    if front.state == "exited" and not front.error:
        message = f"container '{front.name}', by somebody else"
        return _with(ServiceState.UNHEALTHY, Reason.STOPPED, seen, message)
    reason = Reason.PORT_IN_USE if is_port_taken(front.error) else Reason.NOT_ANSWERING
    message = front.error or f"container '{front.name}' is {front.state}"
    return _with(ServiceState.UNHEALTHY, reason, seen, message)


def is_port_taken(text: str) -> bool:
    """Whether an engine says that somebody else listens on a port."""
    return "port is already allocated" in text or "address already in use" in text


def _with(
    state: ServiceState,
    reason: Reason,
    seen: Observation,
    message: str = "",
    traceback: str = "",
    *,
    stage: str = "",
) -> ServiceStatus:
    serving = seen.serving
    answering = serving.generation if serving is not None and serving.ready else 0
    return ServiceStatus(
        state=state,
        reason=reason,
        message=message,
        stage=stage or (serving.stage if serving is not None else ""),
        replicas_wanted=1,
        replicas=tuple(
            _replica(each)
            for each in seen.revisions
            if each.running and (seen.serves(each) or not each.drains)
        ),
        traceback=traceback,
        generation=answering,
    )


def _replica(container: Container) -> Replica:
    return Replica(
        name=container.name,
        ready=container.ready,
        stage=container.stage,
        started_at=container.started_at,
        restarts=container.restarts,
    )
