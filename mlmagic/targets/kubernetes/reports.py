"""Why a container ended, from what the server left behind, its exit code and the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.entities import Reason, ServiceState
from mlmagic.targets.observing import Failure
from mlmagic.targets.states import failed, plain_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.entities import ServiceRecord, ServiceStatus
    from mlmagic.targets.kubernetes.observing import Ended, Event, Pod, Workload

_TOLD = ("reason", "message", "frames", "exception")
_PROBE = "failed startup probe"
_LIVENESS = "failed liveness probe"
LIVENESS_FAILED = "the liveness probe failed, the server is started anew"


def failure_status(
    record: ServiceRecord, work: Workload, pod: Pod, events: Sequence[Event]
) -> ServiceStatus:
    """Say why the container of a pod ended."""
    assert pod.ended is not None  # noqa: S101 - the caller has looked
    ended = pod.ended
    if ended.report:
        told = {key: value for key, value in ended.report.items() if key in _TOLD}
        return failed(record, Failure(generation=work.revision, **told))
    return plain_status(ServiceState.FAILED, *_guessed(ended, pod, events))


def is_ended_by_liveness(pod: Pod, events: Sequence[Event]) -> bool:
    """Whether the kubelet is about to end the container that runs.

    It says so in an event; the pod itself may tell only once the next server is ready.
    """
    return any(
        event.reason == "Killing" and _LIVENESS in event.message
        for event in events
        if pod.started is None or event.at >= pod.started
    )


def _guessed(ended: Ended, pod: Pod, events: Sequence[Event]) -> tuple[Reason, str]:
    if ended.reason == "OOMKilled":
        return Reason.OUT_OF_MEMORY, f"pod '{pod.name}' was ended by the kernel"
    killings = [event.message for event in events if event.reason == "Killing"]
    if any(_PROBE in message for message in killings):
        return Reason.INIT_TIMEOUT, "the start took longer than it may"
    if any(_LIVENESS in message for message in killings):
        return Reason.NOT_ANSWERING, LIVENESS_FAILED
    if ended.reason in ("ContainerCannotRun", "StartError"):
        return Reason.START_FAILED, ended.reason
    how = f"exit code {ended.code}" + (f" ({ended.reason})" if ended.reason != "Error" else "")
    return Reason.CRASHED, f"the server of pod '{pod.name}' ended with {how}"
