"""Deployments in processes of their own, told in a file."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from mlmagic.entities import Reason
from mlmagic.targets.jobs import Job
from mlmagic.targets.processes import is_alive

if TYPE_CHECKING:
    from pathlib import Path

WORK = """
import sys, time
from pathlib import Path
from mlmagic.errors import TargetError
from mlmagic.targets.jobs import Job
from mlmagic.targets.processes import is_alive

def work(job):
    job.enter("image", "1 of 2 layers")
    {body}

sys.exit(Job(Path(sys.argv[1])).carry_out(work))
"""


def start(folder: Path, body: str) -> Job:
    job = Job(folder)
    job.start(3, [sys.executable, "-c", WORK.format(body=body), str(folder)])
    return job


def until(job: Job, condition: str) -> None:
    deadline = time.monotonic() + 120
    while not getattr(job.state(), condition):
        assert time.monotonic() < deadline, job.log.read_text()
        time.sleep(0.02)


def test_one_that_comes_to_its_end(tmp_path):
    job = start(tmp_path, "pass")
    until(job, "is_over")
    state = job.state()
    assert (state.generation, state.stage, state.failure) == (3, "done", None)
    assert not state.was_interrupted


def test_one_that_ends_while_it_is_looked_at_was_not_interrupted(tmp_path):
    gate = tmp_path / "gate"
    job = start(tmp_path, f"\n    while not Path({str(gate)!r}).exists(): time.sleep(0.01)")
    until(job, "process")
    seen = job.state()
    gate.touch()
    until(job, "is_over")
    job.cancel()
    while is_alive(seen.process):
        time.sleep(0.02)
    assert seen.is_running
    assert not seen.was_interrupted


def test_one_that_fails_tells_why(tmp_path):
    job = start(tmp_path, "raise TargetError('It is full.', hint='Make room.')")
    until(job, "is_over")
    failure = job.state().failure
    assert (failure.reason, failure.message) == (Reason.START_FAILED, "It is full. Make room.")
    assert job.state().stage == "image"


def test_what_is_left_to_do_after_the_end_tells_nothing_of_the_next_one(tmp_path):
    gate = tmp_path / "gate"
    wait = f"while not Path({str(gate)!r}).exists(): time.sleep(0.01)"
    job = start(tmp_path, f"job.finish()\n    {wait}\n    raise TargetError('Too late.')")
    until(job, "is_over")
    first = job.state().process
    job.start(4, [sys.executable, "-c", "input()"])  # it has nothing to read, and ends
    told = job.state()
    assert is_alive(first)
    gate.touch()
    while is_alive(first):
        time.sleep(0.02)
    assert job.state() == told
    assert (told.generation, told.failure) == (4, None)


def test_a_fault_of_ours_leaves_its_traceback(tmp_path):
    job = start(tmp_path, "{}['key']")
    until(job, "is_over")
    assert "KeyError" in job.state().failure.message
    while is_alive(job.state().process):  # the traceback comes after what is told
        time.sleep(0.02)
    assert "Traceback" in job.log.read_text()


def test_one_that_is_cancelled_was_interrupted(tmp_path):
    job = start(tmp_path, "time.sleep(600)")
    while job.state().stage != "image":
        time.sleep(0.02)
    assert job.state().is_running
    job.cancel()
    assert job.state().was_interrupted


def test_a_new_one_ends_the_one_before(tmp_path):
    first = start(tmp_path, "time.sleep(600)")
    while first.state().stage != "image":
        time.sleep(0.02)
    process = first.state().process
    second = start(tmp_path, "pass")
    until(second, "is_over")
    assert not is_alive(process)
    assert second.state().stage == "done"
