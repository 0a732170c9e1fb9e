"""States of a service on an engine, from what can be seen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mlmagic.entities import (
    DeploymentSpec,
    DockerDeploymentConfig,
    Lock,
    Reason,
    Revision,
    ServiceRecord,
    ServiceState,
    SourceTree,
)
from mlmagic.targets.docker.labels import (
    ADDRESS,
    ENTRANCE,
    GENERATION,
    INSTANCE,
    OWNER,
    PART,
    PORT,
    RECORD,
    REVISION,
    packed_record,
    unpacked_record,
)
from mlmagic.targets.docker.observing import Container, Observation, read_container
from mlmagic.targets.docker.states import failure_of, status_of
from mlmagic.targets.jobs import JobFailure, JobState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def record(current: int = 1, **changes) -> ServiceRecord:
    spec = DeploymentSpec(
        name="svc",
        target="docker",
        models=(),
        source=SourceTree(entry_script="score.py", files=()),
        lock=Lock(identity="0" * 64, text="", python_version="3.11", platform="linux-x86_64"),
        runtime="",
        config=DockerDeploymentConfig(),
    )
    revisions = tuple(
        Revision(generation=number, spec=spec, created_at=NOW) for number in range(1, current + 1)
    )
    values = {"name": "svc", "target": "docker", "generation": 1, "current": current}
    return ServiceRecord(**values, revisions=revisions, created_at=NOW, updated_at=NOW, **changes)


def container(generation: int = 1, **changes) -> Container:
    values = {
        "id": f"c{generation}",
        "name": f"svc-r{generation}",
        "image": "sha256:0",
        "state": "running",
        "exit_code": 0,
        "oom_killed": False,
        "error": "",
        "restarts": 0,
        "started_at": NOW,
        "ended_at": None,
        "policy": "unless-stopped",
        "labels": {GENERATION: str(generation), INSTANCE: f"i{generation}", ENTRANCE: "f"},
        "told": {"stage": "ready"},
    }
    return Container(**values | changes)


# Port 1 of loopback: nobody answers there.
FRONT = container(0, name="svc", labels={ENTRANCE: "f", ADDRESS: "127.0.0.1", PORT: "1"}, told={})


def seen(*revisions: Container, serving: int = 1, fronts=(FRONT,)) -> Observation:
    return Observation(
        fronts=fronts,
        revisions=revisions,
        serving_instance=f"i{serving}" if serving else "",
        serving_generation=serving,
    )


def ended(**changes) -> Container:
    return container(state="exited", **changes)


def test_one_that_drains_beside_the_one_that_serves_is_no_replica_any_more():
    old = container(1, told={"stage": "draining"})
    handed_over = seen(old, container(2), serving=2)
    before = seen(old, container(2), serving=1)
    told = JobState(generation=2, stage="done")
    names = [
        [replica.name for replica in status_of(record(2), each, told).replicas]
        for each in (handed_over, before)
    ]
    assert names == [["svc-r2"], ["svc-r1", "svc-r2"]]


@pytest.mark.parametrize(
    ("observed", "state", "reason"),
    [
        (seen(container()), "Unhealthy", "NotAnswering"),
        (seen(container(told={"stage": "init"})), "Transitioning", "Initialising"),
        (seen(container(told={"stage": "draining"})), "Transitioning", "Stopping"),
        (seen(container(told={}, restarts=2)), "Unhealthy", "Crashed"),
        (seen(ended()), "Unhealthy", "Stopped"),
        (seen(ended(exit_code=137)), "Unhealthy", "Stopped"),
        (seen(ended(exit_code=137, oom_killed=True)), "Failed", "OutOfMemory"),
        (seen(ended(exit_code=139, policy="no")), "Failed", "Crashed"),
        (seen(ended(exit_code=255, policy="no")), "Failed", "HostRestarted"),
        (seen(ended(policy="no")), "Unhealthy", "Stopped"),
        (seen(container(state="paused")), "Unhealthy", "NotAnswering"),
        (seen(container(state="restarting", exit_code=139)), "Unhealthy", "Crashed"),
        (
            seen(container(state="restarting", exit_code=137, oom_killed=True)),
            "Unhealthy",
            "OutOfMemory",
        ),
        (seen(container(state="restarting", exit_code=1, restarts=7)), "Failed", "CrashLoop"),
        (seen(container(), fronts=()), "Failed", "ContainerGone"),
        (seen(container(), fronts=(replace(FRONT, state="exited"),)), "Unhealthy", "Stopped"),
        (
            seen(
                container(),
                fronts=(replace(FRONT, state="exited", error="… port is already allocated"),),
            ),
            "Unhealthy",
            "PortInUse",
        ),
        (seen(), "Failed", "ContainerGone"),
    ],
)
def test_what_is_seen_has_one_meaning(observed, state, reason):
    status = status_of(record(), observed, JobState(generation=1, stage="done"))
    assert (status.state, status.reason) == (state, reason)


NEVER = "0001-01-01T00:00:00Z"


def at(second: float) -> str:
    return f"2026-01-01T00:00:{second:06.3f}Z"


@pytest.mark.parametrize(
    ("state", "started", "finished", "since", "counts"),
    [
        ("running", at(10.004), NEVER, at(10), True),  # the engine notes the start later
        ("running", at(19), at(5), at(10), True),
        ("running", at(10), at(9.9), at(8), False),  # of the start before
        ("exited", at(10.004), at(20), at(10), True),
        ("exited", at(10), at(20), at(5), False),
        ("restarting", at(10), at(20), at(15), True),
        ("running", at(10), at(9), "", False),
    ],
)
def test_what_a_server_told_counts_for_its_last_start(state, started, finished, since, counts):
    marks = {PART: REVISION, INSTANCE: "one"}
    told = {
        "Id": "c", "Name": "/svc-r1", "Image": "sha256:0", "RestartCount": 0,
        "Config": {"Labels": marks},
        "HostConfig": {"RestartPolicy": {"Name": "always"}},
        "State": {
            "Status": state, "StartedAt": started, "FinishedAt": finished,
            "ExitCode": 0, "OOMKilled": False, "Error": "",
        },
    }  # fmt: skip
    file = json.dumps({"stage": "ready", "since": since}).encode()
    assert (read_container(told, {"one.json": file}).stage == "ready") is counts


@pytest.mark.parametrize(
    ("state", "told", "why"),
    [
        ("restarting", {"stage": "failed"}, "no weights"),
        ("running", {}, "stage 'start'"),
        ("running", {"stage": "init"}, "stage 'init'"),
        ("running", {"stage": "failed"}, "no weights"),  # it is about to end
    ],
)
def test_a_crash_loop_is_one_while_it_is_tried_again_too(state, told, why):
    if told.get("stage") == "failed":
        told |= {"reason": "InitFailed", "message": "no weights", "frames": [], "exception": ""}
    status = status_of(record(), seen(container(state=state, told=told, restarts=5)), None)
    assert (status.state, status.reason) == (ServiceState.FAILED, Reason.CRASH_LOOP)
    assert f"5 times; {why}." in f"{status.message}."


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("environment", "PreparingEnvironment"),
        ("image", "BuildingImage"),
        ("start", "Starting"),
        ("init", "Initialising"),
        ("sample", "ScoringSample"),
    ],
)
def test_a_first_deployment_tells_its_stage(stage, reason):
    job = JobState(generation=1, stage=stage)
    status = status_of(record(), seen(container(), serving=0), job)
    assert (status.state, status.reason) == (ServiceState.TRANSITIONING, reason)


def test_an_update_says_who_answers_meanwhile():
    job = JobState(generation=2, stage="init")
    status = status_of(record(2), seen(container(1), container(2)), job)
    assert (status.state, status.reason) == (ServiceState.TRANSITIONING, Reason.UPDATING)
    assert (status.stage, status.generation) == ("init", 1)


def test_a_revision_that_failed_is_told_with_its_own_words():
    told = {
        "stage": "failed",
        "reason": "InitFailed",
        "message": "ValueError: no such model",
        "frames": [],
        "exception": "ValueError: no such model",
    }
    failure = JobFailure(reason=Reason.START_FAILED, message="as the job says")
    job = JobState(generation=1, stage="start", failure=failure)
    observed = seen(container(state="exited", told=told), serving=0)
    status = status_of(record(), observed, job)
    assert (status.state, status.reason) == (ServiceState.FAILED, Reason.INIT_FAILED)
    assert failure_of(record(2), observed, job) is None


def test_stopped_and_deleting_come_before_what_is_seen():
    job = JobState(generation=1, stage="done")
    stopped = record(wanted="stopped")
    assert status_of(stopped, seen(container()), job).reason is Reason.STOPPING
    down = seen(ended(), fronts=(replace(FRONT, state="exited"),))
    assert status_of(stopped, down, job).reason is Reason.STOPPED
    # By somebody else, on an engine whose clock is behind.
    woken = seen(container(started_at=NOW - timedelta(seconds=1), ended_at=NOW))
    assert status_of(stopped, woken, job).reason is Reason.NOT_ANSWERING
    assert status_of(record(wanted="deleting"), down, job).state is ServiceState.DELETING


def test_a_label_holds_the_record_of_the_current_revision():
    packed = packed_record(record(3))
    found = unpacked_record({RECORD: packed, OWNER: "me"})
    assert [revision.generation for revision in found.revisions] == [3]
    assert found.spec == record(3).spec
    assert found.facts == {"owner": "me"}
