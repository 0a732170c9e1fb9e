"""States from objects that a real cluster had; ``tests/kubernetes/test_states.py`` records them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import CellOrigin, KubernetesDeploymentConfig, Reason, ServiceState
from mlmagic.targets.jobs import JobFailure, JobState
from mlmagic.targets.kubernetes.observing import Event, observe
from mlmagic.targets.kubernetes.states import (
    awaits_image,
    failure_of,
    serving,
    status_of,
    unreachable,
)
from tests.unit.targets.kubernetes.examples import make_record

if TYPE_CHECKING:
    from mlmagic.entities import ServiceRecord, ServiceStatus
    from mlmagic.targets.kubernetes.observing import Observation

FOLDER = Path(__file__).parents[3] / "data" / "kubernetes" / "states"
SOON = timedelta(seconds=20)
U, F, H, N = (
    ServiceState.UNSCHEDULABLE,
    ServiceState.FAILED,
    ServiceState.HEALTHY,
    ServiceState.UNHEALTHY,
)


def seen(name: str, service: str = "svc") -> Observation:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return observed(content, service)


def observed(content: dict[str, Any], service: str = "svc") -> Observation:
    return observe(
        service,
        deployments=content["Deployment"],
        pods=content["Pod"],
        events=content["Event"],
        nodes=content["Node"],
    )


def moment(observation: Observation) -> datetime:
    """Shortly after the last thing that happened."""
    return max(event.at for event in observation.events) + SOON


def record(observation: Observation, **config: Any) -> ServiceRecord:
    assert observation.workload is not None
    return make_record(
        revision=observation.workload.revision, config=KubernetesDeploymentConfig(**config)
    )


@pytest.mark.parametrize(
    ("name", "config", "state", "reason", "words"),
    [
        ("insufficient_cpu", {"cpu": "64"}, U, Reason.INSUFFICIENT_CPU,
         "64 CPUs asked for by a pod, the largest node has 2 CPUs"),
        ("insufficient_memory", {}, U, Reason.INSUFFICIENT_MEMORY,
         "9000.0 GiB asked for by a pod, the largest node has"),
        ("insufficient_accelerator", {"accelerators": {"example.com/fpga": 1}}, U,
         Reason.INSUFFICIENT_ACCELERATOR, "1 'example.com/fpga' asked for by a pod, no node has"),
        ("no_suitable_node", {}, U, Reason.NO_NODE, "didn't match Pod's node affinity/selector"),
        ("a_taint_is_told_and_tolerated", {}, U, Reason.NO_NODE,
         "no node takes the pod: the taint 'dedicated=ml:NoSchedule' keeps it off 1 node"),
        ("a_pod_that_writes_more_than_it_may_is_put_out", {}, N, Reason.EVICTED,
         "wrote more than the '20Mi' that it may"),
        ("a_registry_that_never_answers", {}, F, Reason.IMAGE_PULL,
         "/ml/svc@sha256:"),
        ("a_quota_is_told", {}, U, Reason.QUOTA,
         "quota 'small' allows requests.memory=600Mi, of which requests.memory=0 is used"),
        ("what_the_cluster_does_not_admit", {}, F, Reason.REFUSED,
         "maximum memory usage per Container is 300Mi"),
        ("too_little_memory", {}, F, Reason.OUT_OF_MEMORY, "was ended by the kernel"),
        ("a_start_that_takes_too_long", {}, F, Reason.INIT_TIMEOUT, "longer than it may"),
        ("a_process_that_ends_by_itself_comes_back", {}, N, Reason.CRASHED,
         "0 of 1 pods ready; the server of pod"),
        ("a_node_that_is_lost", {}, N, Reason.NODE_LOST,
         "0 of 1 pods ready; node 'node-1' does not answer any more"),
        ("an_update_that_fails_beside_one_that_answers", {}, F, Reason.INIT_FAILED,
         "ValueError: no such model"),
        ("a_pod_that_is_deleted_under_load_costs_no_request", {}, H, Reason.READY, ""),
    ],
)  # fmt: skip
def test_what_is_seen_has_one_meaning(
    name: str, config: dict[str, Any], state: ServiceState, reason: Reason, words: str
) -> None:
    observation = seen(name)
    status = status_of(record(observation, **config), observation, now=moment(observation))
    assert (status.state, status.reason) == (state, reason)
    assert words in status.message


def test_without_a_place_for_five_minutes_it_has_failed() -> None:
    observation = seen("insufficient_cpu")
    later = moment(observation) + timedelta(minutes=5)
    status = status_of(record(observation, cpu="64"), observation, now=later)
    assert (status.state, status.reason) == (F, Reason.INSUFFICIENT_CPU)


@pytest.mark.parametrize("provider", ["aws:///eu-west-1a/i-1", "kind://docker/dev/dev-worker", ""])
@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        ([], None, "no node has room; the cluster may add one"),
        (["TriggeredScaleUp"], ServiceState.TRANSITIONING, "a node is being added"),
        (["NotTriggerScaleUp", "Nominated"], ServiceState.TRANSITIONING, "a node is being added"),
        (["TriggeredScaleUp", "NotTriggerScaleUp"], U, "64 CPUs asked for by a pod"),
    ],
)
def test_an_autoscaler_may_add_a_node(
    provider: str, said: list[str], state: ServiceState | None, words: str
) -> None:
    content = json.loads((FOLDER / "insufficient_cpu.json").read_text())
    content["Node"][0].setdefault("spec", {})["providerID"] = provider
    observation = observed(content)
    (pod,) = observation.pods
    since = pod.since
    assert since is not None
    told = [
        Event(kind="Pod", name=pod.name, uid=pod.uid, type="Normal", reason=reason, message="",
              count=1, at=since)
        for reason in said
    ]  # fmt: skip
    observation = replace(observation, events=(*observation.events, *told))
    service = record(observation, cpu="64")

    def after(**time: int) -> ServiceStatus:
        return status_of(service, observation, now=since + timedelta(**time))

    elastic = provider.startswith("aws")
    first = after(seconds=10)
    if state is None and not elastic:
        state, words = U, "64 CPUs asked for by a pod"
    assert first.state is (state or ServiceState.TRANSITIONING)
    assert words in first.message
    hopeless = ServiceState.TRANSITIONING if state is ServiceState.TRANSITIONING else F
    assert after(minutes=6).state is hopeless
    assert state or after(seconds=40).state is U


def test_a_sidecar_takes_room_too() -> None:
    content = json.loads((FOLDER / "insufficient_cpu.json").read_text())
    mesh = {"name": "mesh", "restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}}
    once = {"name": "once", "resources": {"requests": {"cpu": "1"}}}
    content["Pod"][0]["spec"]["initContainers"] = [once, mesh]
    observation = observed(content)
    status = status_of(record(observation), observation, now=moment(observation) + SOON)
    assert "64.5 CPUs asked for by a pod" in status.message


def test_the_nodes_may_be_hidden() -> None:
    observation = replace(seen("insufficient_cpu"), nodes=None)
    later = moment(observation) + SOON
    status = status_of(record(observation, cpu="64"), observation, now=later)
    assert status.message == "64 CPUs asked for by a pod, no node has that free"


def test_the_users_traceback_has_the_lines_of_the_cell() -> None:
    observation = seen("an_update_that_fails_beside_one_that_answers")
    told = record(observation)
    revision = replace(told.revisions[-1], origin=CellOrigin(execution_count=4, first_line=2))
    told = replace(told, revisions=(revision,))
    failure = failure_of(told, observation, now=moment(observation))
    assert failure is not None
    assert failure.traceback.splitlines() == [
        "In [4], line 3, in init()",
        "    raise ValueError('no such model')",
        "ValueError: no such model",
    ]
    assert serving(observation) == 0


@pytest.mark.parametrize(
    ("wanted", "state", "reason"),
    [
        ("deleting", ServiceState.DELETING, Reason.STOPPING),
        ("stopped", ServiceState.TRANSITIONING, Reason.STOPPING),
        ("running", H, Reason.READY),
    ],
)
def test_what_is_wanted_comes_first(wanted: Any, state: ServiceState, reason: Reason) -> None:
    observation = seen("a_pod_that_is_deleted_under_load_costs_no_request")
    told = replace(record(observation), wanted=wanted)
    status = status_of(told, observation)
    assert (status.state, status.reason) == (state, reason)


def test_no_deployment_at_all() -> None:
    empty = seen("insufficient_cpu", service="another")
    told = make_record()
    assert status_of(told, empty).reason is Reason.CONTAINER_GONE
    assert status_of(replace(told, wanted="stopped"), empty).reason is Reason.STOPPED


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("environment", Reason.ENVIRONMENT),
        ("image", Reason.BUILDING_IMAGE),
        ("push", Reason.PUSHING_IMAGE),
        ("start", Reason.STARTING),
    ],
)
def test_a_job_under_way_tells_its_stage(stage: str, reason: Reason) -> None:
    empty = seen("insufficient_cpu", service="another")
    status = status_of(make_record(), empty, job=JobState(generation=1, stage=stage))
    assert (status.state, status.reason) == (ServiceState.TRANSITIONING, reason)


def test_a_job_that_failed_beside_a_revision_that_answers() -> None:
    observation = seen("a_pod_that_is_deleted_under_load_costs_no_request")
    told = make_record(revision=2)
    fault = JobFailure(reason=Reason.IMAGE_PUSH, message="the registry says no")
    job = JobState(generation=2, stage="push", failure=fault)
    status = status_of(told, observation, job=job)
    assert (status.state, status.reason) == (H, Reason.UPDATE_FAILED)
    assert "revision 1 answers; revision 2 did not come up: ImagePushFailed" in status.message
    failure = failure_of(told, observation, job=job)
    assert failure is not None
    assert failure.reason is Reason.IMAGE_PUSH
    running = status_of(told, observation, job=JobState(generation=2, stage="push"))
    assert (running.state, running.reason) == (ServiceState.TRANSITIONING, Reason.UPDATING)
    assert running.generation == 1


def complete(observation: Observation, **changes: Any) -> Observation:
    """The same a moment later, when the controller has seen that all pods are ready."""
    assert observation.workload is not None
    return replace(observation, workload=replace(observation.workload, complete=True, **changes))


def test_an_autoscaler_that_wants_more_than_there_is_room_for() -> None:
    observation = seen("a_pod_that_is_deleted_under_load_costs_no_request")
    waiting = seen("insufficient_cpu").pods[0]
    more = replace(complete(observation, wanted=3), pods=(*observation.pods, waiting))
    now = moment(seen("insufficient_cpu"))
    told = record(observation, autoscale_min=1, autoscale_max=3)
    status = status_of(told, more, now=now)
    assert (status.state, status.reason) == (ServiceState.TRANSITIONING, Reason.SCALING)
    assert "it answers meanwhile" in status.message


def test_pods_that_are_started_up_and_do_not_answer() -> None:
    observation = seen("a_pod_that_is_deleted_under_load_costs_no_request")
    silent = tuple(replace(pod, ready=False, container_ready=False) for pod in observation.pods)
    status = status_of(record(observation), replace(complete(observation), pods=silent))
    assert (status.state, status.reason) == (N, Reason.NOT_ANSWERING)


def test_a_pod_more_that_was_not_asked_yet_whether_it_is_ready() -> None:
    """Its start has come to its end a moment ago; only a probe that failed makes it silent."""
    content = json.loads(
        (FOLDER / "a_pod_that_is_deleted_under_load_costs_no_request.json").read_text()
    )
    pod = content["Pod"][1]
    pod["status"]["containerStatuses"][0]["ready"] = False
    for each in pod["status"]["conditions"]:
        if each["type"] in ("Ready", "ContainersReady"):
            each |= {"status": "False", "lastTransitionTime": pod["status"]["startTime"]}
    started = observed(content)
    status = status_of(record(started), complete(started))
    assert (status.state, status.reason) == (ServiceState.TRANSITIONING, Reason.SCALING)
    assert status.message == "1 of 2 pods ready; it answers meanwhile"
    asked = Event(
        kind="Pod",
        name=pod["metadata"]["name"],
        uid=pod["metadata"]["uid"],
        type="Warning",
        reason="Unhealthy",
        message="Readiness probe failed: HTTP probe failed with statuscode: 503",
        count=1,
        at=moment(started),
    )
    failed = replace(complete(started), events=(*started.events, asked))
    status = status_of(record(started), failed)
    assert (status.state, status.reason) == (N, Reason.NOT_ANSWERING)


@pytest.mark.parametrize(
    ("why", "words", "containers"),
    [
        ("ReadinessGatesNotReady", 'the status of pod readiness gate "lb/ready" is not "True"',
         "True"),
        ("ContainersNotReady", "containers with unready status: [istio-proxy]", "False"),
    ],
)  # fmt: skip
def test_a_gate_or_a_sidecar_that_is_not_ready_is_waited_for(
    why: str, words: str, containers: str
) -> None:
    content = json.loads((FOLDER / "a_node_that_is_lost.json").read_text())
    for condition in content["Pod"][0]["status"]["conditions"]:
        if condition["type"] == "Ready":
            condition |= {"reason": why, "message": words}
        if condition["type"] == "ContainersReady":
            condition["status"] = containers
    up = observed(content)
    assert up.workload is not None
    first = replace(up, workload=replace(up.workload, complete=False))
    for observation in (first, up):
        status = status_of(record(up), observation)
        assert (status.state, status.reason) == (ServiceState.TRANSITIONING, Reason.INITIALISING)
        assert words in status.message
        assert failure_of(record(up), observation) is None
    late = replace(first, workload=replace(up.workload, complete=False, overdue=True))
    status = status_of(record(up), late)
    assert (status.state, status.reason) == (F, Reason.START_FAILED)
    assert words in status.message


@pytest.mark.parametrize(
    ("waiting", "message", "reason"),
    [
        ("ImagePullBackOff", 'Back-off pulling image "x"', Reason.IMAGE_PULL),
        ("ErrImagePull", 'failed to pull "x": not found', Reason.IMAGE_PULL),
        ("CreateContainerConfigError", 'secret "svc-keys" not found', Reason.START_FAILED),
    ],
)
def test_containers_that_cannot_be_made(waiting: str, message: str, reason: Reason) -> None:
    observation = seen("insufficient_cpu")
    pod = replace(
        observation.pods[0],
        unschedulable="",
        scheduled=True,
        waiting=waiting,
        waiting_message=message,
    )
    broken = replace(observation, pods=(pod,), events=())
    status = status_of(record(observation), broken)
    assert (status.state, status.reason) == (F, reason)
    assert message in status.message
    assert awaits_image(broken) is (reason is Reason.IMAGE_PULL)
    assert not awaits_image(observation)
    assert awaits_image(seen("a_registry_that_never_answers"))


def test_a_pull_that_may_yet_succeed_is_waited_for() -> None:
    observation = seen("insufficient_cpu")
    pod = replace(
        observation.pods[0],
        unschedulable="",
        scheduled=True,
        waiting="ErrImagePull",
        waiting_message="dial tcp: i/o timeout",
    )
    status = status_of(record(observation), replace(observation, pods=(pod,), events=()))
    assert status.state is ServiceState.TRANSITIONING


def test_nodes_pull_after_the_image_was_made_and_pushed() -> None:
    observation = seen("a_registry_that_never_answers")
    assert observation.workload is not None
    early = replace(observation, workload=replace(observation.workload, overdue=False))
    status = status_of(record(early), early)
    assert (status.reason, status.stage) == (Reason.PULLING_IMAGE, "start")


def test_a_pod_that_was_put_out() -> None:
    observation = seen("a_pod_that_is_deleted_under_load_costs_no_request")
    first, *rest = observation.pods
    out = replace(first, ready=False, failed="Evicted", failed_message="The node was low on memory")
    status = status_of(record(observation), replace(complete(observation), pods=(out, *rest)))
    assert (status.state, status.reason) == (N, Reason.EVICTED)
    assert "1 of 2 pods ready; The node was low on memory" in status.message


def test_it_is_known_when_a_pod_was_put_out() -> None:
    pods = seen("a_pod_that_writes_more_than_it_may_is_put_out").pods
    assert [pod.failed for pod in pods if pod.failed_at is not None] == ["Evicted"]


def test_a_pod_that_was_put_out_stands_for_nothing_once_another_is_up() -> None:
    observation = complete(seen("a_pod_that_is_deleted_under_load_costs_no_request"))
    gone = replace(observation.pods[0], name="gone", uid="gone", ready=False, failed="Evicted")
    early = min(pod.created for pod in observation.pods if pod.created is not None)
    before = replace(gone, failed_at=early - SOON)
    for out in (before, replace(before, revision=0)):  # of this revision, and of one before it
        status = status_of(record(observation), replace(observation, pods=(out, *observation.pods)))
        assert (status.state, status.reason) == (H, Reason.READY)
        assert "gone" not in [pod.name for pod in status.replicas]
    assert observation.workload is not None
    none = replace(observation, pods=(before,), workload=replace(observation.workload, wanted=0))
    stopped = replace(record(observation), wanted="stopped")
    assert status_of(stopped, none).reason is Reason.STOPPED


@pytest.mark.parametrize(
    ("happened", "running", "reason", "words"),
    [
        ([("Normal", "Pulling", 'Pulling image "r.example.com/ml/svc@sha256:1"')], False,
         Reason.IMAGE_PULL,
         "the nodes ask for 'r.example.com/ml/svc@sha256:1' and get no answer, or not all of it"),
        ([("Warning", "FailedMount", 'secret "svc-keys" not found')], False, Reason.START_FAILED,
         'the cluster says: secret "svc-keys" not found'),
        ([], True, Reason.INIT_TIMEOUT, "longer than the progress deadline allows"),
    ],
)  # fmt: skip
def test_a_progress_deadline_says_what_did_not_come_to_its_end(
    happened: list[tuple[str, str, str]], running: bool, reason: Reason, words: str
) -> None:
    observation = seen("insufficient_cpu")
    pod = replace(observation.pods[0], unschedulable="", scheduled=True, running=running)
    events = tuple(
        Event(kind="Pod", name=pod.name, uid=pod.uid, type=kind, reason=what, message=message,
              count=1, at=datetime.now(UTC))
        for kind, what, message in happened
    )  # fmt: skip
    assert observation.workload is not None
    late = replace(
        observation,
        workload=replace(observation.workload, overdue=True),
        pods=(pod,),
        events=events,
    )
    status = status_of(record(observation), late)
    assert (status.state, status.reason) == (F, reason)
    assert words in status.message


def test_a_cluster_that_does_not_answer() -> None:
    status = unreachable("it is gone")
    assert (status.state, status.reason) == (N, Reason.TARGET_UNAVAILABLE)


def test_now_is_the_default() -> None:
    observation = seen("insufficient_cpu")
    assert datetime.now(UTC) > moment(observation)
    assert status_of(record(observation, cpu="64"), observation).state is F
