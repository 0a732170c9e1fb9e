"""What a reason means for people, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmagic.entities import Reason, ServiceState

if TYPE_CHECKING:
    from mlmagic.entities import ServiceStatus

_LOGS = "%ml service logs {name} --tail 50"
_MEND = "Mend the script and deploy again; the log: %ml service logs {name} --tail 50"


@dataclass(frozen=True)
class _Words:
    """A sentence about a reason, and what to do next."""

    message: str
    next_step: str = ""


_WORDS = {
    Reason.ENVIRONMENT: _Words("Its environment is being prepared"),
    Reason.BUILDING_IMAGE: _Words("Its image is being built"),
    Reason.PUSHING_IMAGE: _Words("Its image is being pushed"),
    Reason.PULLING_IMAGE: _Words("Its image is being pulled"),
    Reason.SCHEDULING: _Words("It waits for a place to run"),
    Reason.STARTING: _Words("Its processes are starting"),
    Reason.INITIALISING: _Words("init() is running"),
    Reason.SCORING_SAMPLE: _Words("The sample is being scored"),
    Reason.UPDATING: _Words("A new revision is starting"),
    Reason.STOPPING: _Words("It is stopping; requests under way are finished first"),
    Reason.READY: _Words("It answers"),
    Reason.UPDATE_FAILED: _Words("The last update failed", _MEND),
    Reason.STOPPED: _Words("It was stopped", "%ml service start {name}"),
    Reason.ENVIRONMENT_FAILED: _Words(
        "Its environment could not be prepared", "Mend the requirements and deploy again"
    ),
    Reason.IMAGE_BUILD: _Words(
        "Its image could not be built", "Mend what is named, and deploy again"
    ),
    Reason.IMAGE_PULL: _Words(
        "Its image could not be pulled", "Mend the image's name or its credentials, deploy again"
    ),
    Reason.IMAGE_PUSH: _Words(
        "Its image could not be pushed", "Mend the registry's name or credentials, deploy again"
    ),
    Reason.START_FAILED: _Words("It could not be started", "Mend what is named, and deploy again"),
    Reason.SCRIPT_NOT_FOUND: _Words("The entry script was not found", _MEND),
    Reason.SCRIPT_SYNTAX: _Words("The entry script has a syntax error", _MEND),
    Reason.SCRIPT_IMPORT: _Words("The entry script could not be imported", _MEND),
    Reason.SCRIPT_CONTRACT: _Words("The entry script lacks a proper init() or run()", _MEND),
    Reason.INIT_FAILED: _Words("init() raised an exception", _MEND),
    Reason.INIT_TIMEOUT: _Words("init() did not come to its end", _MEND),
    Reason.SAMPLE_FAILED: _Words("run() failed on the sample", _MEND),
    Reason.OUT_OF_MEMORY: _Words(
        "It used more memory than it may",
        "Deploy with more: --memory 2Gi, or fewer --workers; the log: " + _LOGS,
    ),
    Reason.CRASHED: _Words("A worker process ended unexpectedly", _LOGS),
    Reason.CRASH_LOOP: _Words("Its worker processes crash again and again", _LOGS),
    Reason.EXITED: _Words("The entry script called exit", _MEND),
    Reason.PORT_IN_USE: _Words(
        "Its port is in use by another process",
        "Deploy with another --port, or leave it out to get a free one",
    ),
    Reason.INSUFFICIENT_CPU: _Words(
        "The CPUs asked for are not to be had", "Deploy with fewer: --cpu, --workers"
    ),
    Reason.INSUFFICIENT_MEMORY: _Words(
        "The memory asked for is not to be had", "Deploy with less: --memory, --workers"
    ),
    Reason.INSUFFICIENT_ACCELERATOR: _Words(
        "The accelerators asked for are not to be had", "Deploy with fewer: --accelerator, --gpus"
    ),
    Reason.NO_NODE: _Words(
        "No node of the cluster may run it",
        "Change --node-selector or --toleration, or ask who runs the cluster",
    ),
    Reason.QUOTA: _Words(
        "The quota of the namespace does not allow it",
        "Deploy with less: --cpu, --memory, --replicas; or ask for a larger quota",
    ),
    Reason.REFUSED: _Words(
        "The cluster does not admit its pods", "Mend what is named, and deploy again"
    ),
    Reason.NODE_LOST: _Words("The node that it runs on is lost", _LOGS),
    Reason.EVICTED: _Words("Its node needed the room and put it out", _LOGS),
    Reason.SCALING: _Words("The number of its pods is changing"),
    Reason.NOT_ANSWERING: _Words("It runs but does not answer", _LOGS),
    Reason.HOST_RESTARTED: _Words(
        "The machine was started again since", "%ml service start {name}"
    ),
    Reason.SUPERVISOR_GONE: _Words(
        "Its processes ended without being stopped", "%ml service start {name}"
    ),
    Reason.CONTAINER_GONE: _Words(
        "Its container was removed by somebody else", "%ml service start {name}"
    ),
    Reason.TARGET_UNAVAILABLE: _Words(
        "The place where it runs cannot be reached", "Start it, or mend the connection: %ml doctor"
    ),
    Reason.DEPLOY_INTERRUPTED: _Words(
        "The process that deployed it ended before it was done", "Deploy it again"
    ),
    Reason.CONFIGURATION: _Words("Its configuration cannot be used", _LOGS),
    Reason.MODEL_DAMAGED: _Words("A model file is damaged", "%ml model verify"),
}


def in_words(status: ServiceStatus, name: str) -> ServiceStatus:
    """Put the facts of a target in words.

    Args:
        status: Its message is the bare detail; a next step of the target's own is kept.
        name: The service.

    Returns:
        The same with a message and a next step for people.
    """
    words = _WORDS[status.reason]
    detail = status.message.strip()
    message = f"{words.message}: {detail}" if detail else words.message
    return replace(
        status,
        message=message if message.endswith((".", "!", "?")) else f"{message}.",
        next_step=status.next_step or words.next_step.format(name=name),
    )


def commands(status: ServiceStatus, name: str) -> list[str]:
    """Return the commands that make sense in this state, the most useful first."""
    if status.state in (ServiceState.DELETED, ServiceState.DELETING):
        return ["%ml service list"]
    if status.reason in (Reason.STOPPED, Reason.HOST_RESTARTED, Reason.SUPERVISOR_GONE):
        first = [f"%ml service start {name}"]
    elif status.state is ServiceState.HEALTHY and status.reason is Reason.READY:
        first = [f"%ml service run {name}"]
    else:
        first = []
    return [*first, _LOGS.format(name=name), f"%ml service delete {name}"]
