"""The state of a service, derived from its record and from what is seen of it in the cluster.

The table, first line that fits (docs/kubernetes.md shows it to users):

| seen | state | reason |
|---|---|---|
| it is being deleted | Deleting | Stopping |
| stopped, pods left / none left | Transitioning / Unhealthy | Stopping / Stopped |
| no Deployment | Failed | ContainerGone |
| pods may not be created: quota | Unschedulable | QuotaExceeded |
| … for another reason | Failed | AdmissionRefused |
| a pod of the newest revision cannot come up | Unschedulable, Failed | see `_fault` |
| … while an older revision answers | Healthy | UpdateFailed |
| … though the revision was up before | Unhealthy | see `_fault` |
| all wanted pods of the newest revision are ready, none of others left | Healthy | Ready |
| the revision was up before, pods are missing | Unhealthy, Transitioning | Crashed, Scaling, … |
| anything else | Transitioning | Scheduling, PullingImage, Initialising, Updating |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Reason, Replica, ServiceState, ServiceStatus
from mlmagic.targets.kubernetes import scheduling
from mlmagic.targets.kubernetes.evicting import eviction
from mlmagic.targets.kubernetes.pulling import pull_failure, pull_without_answer
from mlmagic.targets.kubernetes.release import autoscales, config_of
from mlmagic.targets.kubernetes.reports import (
    LIVENESS_FAILED,
    failure_status,
    is_ended_by_liveness,
)
from mlmagic.targets.processes import is_alive
from mlmagic.targets.states import JOB_STAGES, plain_status, update_failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.entities import ServiceRecord
    from mlmagic.targets.jobs import JobState
    from mlmagic.targets.kubernetes.observing import Observation, Pod, Workload

# As in Azure ML v1: what finds no place in five minutes has failed.
_PLACE_SECONDS = timedelta(minutes=5)
# How long an autoscaler may take to say whether it adds a node; it looks every ten seconds.
_AUTOSCALER_SECONDS = timedelta(seconds=30)
_NODE_COMES, _NO_NODE_COMES = ("TriggeredScaleUp", "Nominated"), "NotTriggerScaleUp"
_PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_PULL_IS_FINAL = ("not found", "denied", "unauthorized", "forbidden", "invalid reference")
_NOT_STARTED = (
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    *("StartError", "PreStartHookError", "PostStartHookError"),
)
_STAGES = {
    Reason.SCHEDULING: "start",
    Reason.PULLING_IMAGE: "start",
    Reason.STARTING: "start",
    Reason.INITIALISING: "init",
}


def status_of(
    record: ServiceRecord,
    seen: Observation,
    *,
    job: JobState | None = None,
    now: datetime | None = None,
) -> ServiceStatus:
    """Derive the state of a service.

    Args:
        record: What is wanted.
        seen: What is there.
        job: What makes the image and the objects of the current revision, where we know it.
        now: The time; None is now.
    """
    if record.wanted == "deleting":
        return plain_status(ServiceState.DELETING, Reason.STOPPING)
    if record.wanted == "stopped":
        return _stopped(seen)
    if seen.workload is None:
        return _of_job(record, job) or plain_status(
            ServiceState.FAILED, Reason.CONTAINER_GONE, "its Deployment is gone"
        )
    return _View(record, seen, seen.workload, job, now or datetime.now(UTC)).status()


def failure_of(
    record: ServiceRecord,
    seen: Observation,
    *,
    job: JobState | None = None,
    now: datetime | None = None,
) -> ServiceStatus | None:
    """Say why the current revision did not come up; None where it did or still may."""
    if record.failure is not None:
        return record.failure
    if record.wanted != "running":
        return None
    if seen.workload is None:
        told = _of_job(record, job)
        return told if told is not None and told.state is ServiceState.FAILED else None
    return _View(record, seen, seen.workload, job, now or datetime.now(UTC)).failure()


def unreachable(message: str) -> ServiceStatus:
    """Return the state of a service whose cluster does not answer."""
    return plain_status(ServiceState.UNHEALTHY, Reason.TARGET_UNAVAILABLE, message)


def _of_job(  # noqa: PLR0911 - a table
    record: ServiceRecord, job: JobState | None
) -> ServiceStatus | None:
    """Say how far the job is, or why it failed; None where it is done, or never was."""
    if job is None:
        if record.deploying is None:
            return None
        if is_alive(record.deploying):
            return plain_status(ServiceState.TRANSITIONING, Reason.STARTING, stage="environment")
        return plain_status(ServiceState.FAILED, Reason.DEPLOY_INTERRUPTED)
    if job.failure is not None:
        return plain_status(ServiceState.FAILED, job.failure.reason, job.failure.message)
    if job.was_interrupted:
        return plain_status(ServiceState.FAILED, Reason.DEPLOY_INTERRUPTED)
    if job.is_over:
        return None
    reason = JOB_STAGES.get(job.stage, Reason.STARTING)
    return plain_status(ServiceState.TRANSITIONING, reason, job.detail, stage=job.stage)


def serving(seen: Observation) -> int:
    """Return the revision that answers, or did last; 0 where none ever did."""
    work = seen.workload
    if work is None:
        return 0
    answering = sorted({_revision(pod, work) for pod in seen.pods if pod.ready})
    if work.revision in answering and _all_ready(seen, work):
        return work.revision
    others = [revision for revision in answering if revision != work.revision]
    if others:
        return others[0]
    if answering:
        return answering[0]
    return work.revision if work.complete else 0


def awaits_image(seen: Observation) -> bool:
    """Whether a pod waits for an image that its node has not got from the registry."""
    return any(
        pod.waiting in _PULL_REASONS or (not pod.running and _pulls(seen, pod)) for pod in seen.pods
    )


def _revision(pod: Pod, work: Workload) -> int:
    """Return whose pod it is; a revision that changed nothing of the pods took them over."""
    return work.revision if pod.revision == work.pods_revision else pod.revision


def _all_ready(seen: Observation, work: Workload) -> bool:
    ready = [p for p in seen.pods if p.ready and not p.terminating]
    return sum(p.revision == work.pods_revision for p in ready) >= work.wanted > 0


class _View:
    """One service at one moment."""

    def __init__(
        self,
        record: ServiceRecord,
        seen: Observation,
        work: Workload,
        job: JobState | None,
        now: datetime,
    ) -> None:
        self.record, self.seen, self.work, self.now = record, seen, work, now
        # Kubernetes keeps pods that it has given up; they stand for nothing once others are up.
        self.new = [
            pod
            for pod in seen.pods
            if pod.revision == work.pods_revision
            and not pod.terminating
            and not _is_made_up_for(pod, seen.pods)
        ]
        self.old = [pod for pod in seen.standing if pod.revision != work.pods_revision]
        behind = work.revision < record.current
        self.job = _of_job(record, job) if behind or job is not None else None
        self.applied = not behind and work.settled and self.job is None

    def status(self) -> ServiceStatus:
        if self.job is not None and self.job.state is ServiceState.FAILED:
            return self._beside(self.job)
        if not self.applied:
            return self._not_applied()
        ready = [pod for pod in self.new if pod.ready]
        gone = [pod for pod in self.old if not pod.terminating]
        if len(ready) >= self.work.wanted > 0 and not gone:
            return self._with(ServiceState.HEALTHY, Reason.READY)
        fault = self._fault()
        if self.work.complete:
            return self._was_up(ready, fault)
        if fault is not None:
            return self._beside(fault)
        return self._under_way(Reason.UPDATING if self._answering() else self._stage())

    def _not_applied(self) -> ServiceStatus:
        if serving(self.seen):
            return self._under_way(Reason.UPDATING)
        if self.job is not None:
            return self._with(self.job.state, self.job.reason, self.job.message)
        return self._under_way(Reason.STARTING)

    def failure(self) -> ServiceStatus | None:
        if self.job is not None and self.job.state is ServiceState.FAILED:
            return self.job
        if not self.applied or self.work.complete:
            return None
        ready = [pod for pod in self.new if pod.ready]
        return self._fault() if len(ready) < self.work.wanted else None

    def _beside(self, fault: ServiceStatus) -> ServiceStatus:
        """The newest revision does not come up: does an older one answer?"""
        if not any(pod.ready for pod in (self.old if self.job is None else self.seen.pods)):
            return self._keep(fault)
        message = update_failed(serving(self.seen), self.record, fault)
        return self._with(
            ServiceState.HEALTHY, Reason.UPDATE_FAILED, message, traceback=fault.traceback
        )

    def _was_up(self, ready: Sequence[Pod], fault: ServiceStatus | None) -> ServiceStatus:
        """The revision was up in full before; now it is not."""
        count = f"{len(ready)} of {self.work.wanted} pods ready"
        if fault is not None:
            return self._disturbed(ready, fault, count)
        silent = [pod for pod in self.new if self._is_silent(pod)]
        if silent:
            hangs = any(is_ended_by_liveness(pod, self.seen.events_of(pod)) for pod in silent)
            message = f"{count}; {LIVENESS_FAILED}" if hangs else count
            return self._with(ServiceState.UNHEALTHY, Reason.NOT_ANSWERING, message)
        if not ready:
            return self._under_way(self._stage())
        return self._under_way(Reason.SCALING, f"{count}; it answers meanwhile")

    def _is_silent(self, pod: Pod) -> bool:
        """Whether it is up and does not answer; a new one may not have been asked yet."""
        asked = pod.was_ready or any(
            event.reason == "Unhealthy" and event.message.startswith("Readiness")
            for event in self.seen.events_of(pod)
        )
        return asked and pod.started_up and not pod.ready and not _lacks(pod)

    def _disturbed(self, ready: Sequence[Pod], fault: ServiceStatus, count: str) -> ServiceStatus:
        message = f"{count}; {fault.message}" if fault.message else count
        config = config_of(self.record.spec)
        waits = fault.state is ServiceState.UNSCHEDULABLE
        if waits and autoscales(config) and len(ready) >= (config.autoscale_min or 1):
            return self._under_way(Reason.SCALING, f"{message}; it answers meanwhile")
        if not ready and (waits or self._cannot_start()):
            return self._keep(fault)
        return self._keep(fault, state=ServiceState.UNHEALTHY, message=message)

    def _cannot_start(self) -> bool:
        """Whether a pod was started anew and failed before it was ready."""
        return any(
            pod.waiting == "CrashLoopBackOff" or (pod.ended is not None and pod.ended.report)
            for pod in self.new
        )

    def _answering(self) -> bool:
        return any(pod.ready for pod in self.old)

    def _stage(self) -> Reason:
        pods = self.new
        if not pods or not all(pod.scheduled for pod in pods):
            return Reason.SCHEDULING
        if any(pod.running for pod in pods):
            return Reason.INITIALISING
        if any(_pulls(self.seen, pod) for pod in pods):
            return Reason.PULLING_IMAGE
        return Reason.STARTING

    def _fault(self) -> ServiceStatus | None:
        """Say what keeps pods of the newest revision from being ready; None where nothing does."""
        if self.work.refused:
            reason, message, way_out = scheduling.refused(self.work.refused)
            lacks = reason is Reason.QUOTA
            state = ServiceState.UNSCHEDULABLE if lacks else ServiceState.FAILED
            return plain_status(state, reason, message, next_step=way_out)
        faults = [self._of_pod(pod) for pod in self.new if not pod.ready]
        found = [fault for fault in faults if fault is not None]
        if found:
            # What failed says more than what waits.
            return min(found, key=lambda fault: fault.state is ServiceState.UNSCHEDULABLE)
        return self._overdue() if self.work.overdue else None

    def _overdue(self) -> ServiceStatus:
        """The pods had the time that they may take: say what they have not come to an end with."""
        stage = self._stage()
        if stage is Reason.PULLING_IMAGE:
            pulling = next(pod for pod in self.new if _pulls(self.seen, pod))
            told = [e.message for e in self.seen.events_of(pulling) if e.reason == "Pulling"]
            message, way_out = pull_without_answer(told[-1])
            return plain_status(ServiceState.FAILED, Reason.IMAGE_PULL, message, next_step=way_out)
        if stage is Reason.INITIALISING and not any(_lacks(pod) for pod in self.new):
            message = "it took longer than the progress deadline allows"
            return plain_status(ServiceState.FAILED, Reason.INIT_TIMEOUT, message)
        warned = [
            event.message
            for pod in self.new
            for event in self.seen.events_of(pod)
            if event.type == "Warning"
        ] + [pod.lacks for pod in self.new if _lacks(pod)]
        message = "the pods were not up before the progress deadline" + (
            f"; the cluster says: {warned[-1]}" if warned else ""
        )
        return plain_status(ServiceState.FAILED, Reason.START_FAILED, message)

    def _of_pod(self, pod: Pod) -> ServiceStatus | None:  # noqa: PLR0911 - a table
        if pod.unschedulable:
            return None if self._node_to_come(pod) else self._unschedulable(pod)
        if pod.failed:
            return self._put_out(pod) or _given_up(pod)
        if pod.waiting in _PULL_REASONS:
            return self._pull(pod)
        if pod.waiting in _NOT_STARTED:
            return plain_status(ServiceState.FAILED, Reason.START_FAILED, pod.waiting_message)
        if pod.ended is not None and not pod.ready:
            return self._put_out(pod) or self._ended(pod)
        if pod.container_ready and not pod.ready and not pod.lacks:
            message = f"node '{pod.node}' does not answer any more"
            return plain_status(ServiceState.FAILED, Reason.NODE_LOST, message)
        return None

    def _node_to_come(self, pod: Pod) -> str:
        """Say that an autoscaler adds a node for a pod, or may yet; empty where none does."""
        told = [event.reason for event in self.seen.events_of(pod)]
        told = [reason for reason in told if reason in (*_NODE_COMES, _NO_NODE_COMES)]
        if told:
            return "" if told[-1] == _NO_NODE_COMES else "a node is being added"
        nodes = self.seen.nodes
        elastic = not nodes or any(node.elastic for node in nodes)
        young = pod.since is not None and self.now - pod.since < _AUTOSCALER_SECONDS
        return "no node has room; the cluster may add one" if elastic and young else ""

    def _unschedulable(self, pod: Pod) -> ServiceStatus:
        config = config_of(self.record.spec)
        reason, message, way_out = scheduling.unschedulable(pod, config, self.seen.nodes)
        over = pod.since is not None and self.now - pod.since > _PLACE_SECONDS
        state = ServiceState.FAILED if over else ServiceState.UNSCHEDULABLE
        return plain_status(state, reason, message, next_step=way_out)

    def _pull(self, pod: Pod) -> ServiceStatus | None:
        told = [e.message for e in self.seen.events_of(pod) if e.reason == "Failed"]
        pulls = [text for text in told if text.startswith("Failed to pull")]
        words = pulls[-1] if pulls else pod.waiting_message
        final = any(part in words.lower() for part in _PULL_IS_FINAL)
        if pod.waiting == "ErrImagePull" and not final:
            return None  # it is tried again
        message, way_out = pull_failure(words)
        return plain_status(ServiceState.FAILED, Reason.IMAGE_PULL, message, next_step=way_out)

    def _ended(self, pod: Pod) -> ServiceStatus:
        assert pod.ended is not None  # noqa: S101 - asked before
        return failure_status(self.record, self.work, pod, self.seen.events_of(pod))

    def _put_out(self, pod: Pod) -> ServiceStatus | None:
        """Whether a pod ended by an eviction: its event comes seconds before the pod says so."""
        told = [e.message for e in self.seen.events_of(pod) if e.reason == "Evicted"]
        return _evicted(pod, told[-1]) if told else None

    def _keep(self, fault: ServiceStatus, **instead: Any) -> ServiceStatus:
        """Tell a fault, together with the pods that there are."""
        seen = self._with(fault.state, fault.reason)
        told = {name: getattr(fault, name) for name in ("message", "traceback", "next_step")}
        return replace(seen, **told | instead)

    def _under_way(self, reason: Reason, message: str = "") -> ServiceStatus:
        if reason is Reason.UPDATING and not message:
            message = f"revision {serving(self.seen)} answers meanwhile"
        if reason is Reason.SCHEDULING:
            waits = [self._node_to_come(pod) for pod in self.new if pod.unschedulable]
            message = next(filter(None, waits), message)
        if reason is Reason.INITIALISING:
            message = next((pod.lacks for pod in self.new if _lacks(pod)), message)
        return self._with(ServiceState.TRANSITIONING, reason, message)

    def _with(
        self, state: ServiceState, reason: Reason, message: str = "", *, traceback: str = ""
    ) -> ServiceStatus:
        return ServiceStatus(
            state=state,
            reason=reason,
            message=message,
            stage="ready" if state is ServiceState.HEALTHY else _STAGES.get(reason, ""),
            replicas_wanted=self.work.wanted,
            replicas=tuple(_replica(pod) for pod in self.seen.standing),
            traceback=traceback,
            generation=serving(self.seen) if any(pod.ready for pod in self.seen.pods) else 0,
        )


def _stopped(seen: Observation) -> ServiceStatus:
    work = seen.workload
    if seen.standing or (work is not None and work.wanted > 0):
        return plain_status(ServiceState.TRANSITIONING, Reason.STOPPING)
    return plain_status(ServiceState.UNHEALTHY, Reason.STOPPED)


def _is_made_up_for(pod: Pod, pods: Sequence[Pod]) -> bool:
    """Whether a pod was given up, and one that was made after that is ready."""
    return pod.failed_at is not None and any(
        each.ready
        and each.revision == pod.revision
        and each.created is not None
        and each.created >= pod.failed_at
        for each in pods
    )


def _lacks(pod: Pod) -> bool:
    """Whether it is not for our container that a pod is not ready."""
    return pod.container_ready and not pod.ready and bool(pod.lacks)


def _given_up(pod: Pod) -> ServiceStatus:
    if pod.failed == "Evicted":
        return _evicted(pod, pod.failed_message)
    if pod.failed in ("NodeLost", "NodeAffinity", "NodeShutdown", "Terminated"):
        return plain_status(ServiceState.FAILED, Reason.NODE_LOST, pod.failed_message)
    message = f"{pod.failed}: {pod.failed_message}"
    return plain_status(ServiceState.FAILED, Reason.START_FAILED, message)


def _evicted(pod: Pod, said: str) -> ServiceStatus:
    message, way_out = eviction(said, pod.name, pod.node)
    return plain_status(ServiceState.FAILED, Reason.EVICTED, message, next_step=way_out)


def _pulls(seen: Observation, pod: Pod) -> bool:
    words = [event.reason for event in seen.events_of(pod)]
    return "Pulling" in words and "Pulled" not in words


def _replica(pod: Pod) -> Replica:
    if pod.terminating:
        stage = "draining"
    elif pod.ready:
        stage = "ready"
    elif pod.running:
        stage = "init"
    else:
        stage = "start" if pod.scheduled else "scheduling"
    return Replica(
        name=pod.name,
        ready=pod.ready and not pod.terminating,
        stage=stage,
        started_at=pod.started,
        restarts=pod.restarts,
    )
