"""What is cancelled from another thread ends where it is, and what is begun whole does not."""

from __future__ import annotations

import threading

import pytest
from filelock import FileLock

from mlmagic.cancelling import Cancellation, check, ending, uncancelled
from mlmagic.environments.realisation import exclusive
from mlmagic.environments.uv_command import run_program
from mlmagic.errors import CancelledError
from mlmagic.registry import Meter


@pytest.fixture
def work() -> Cancellation:
    return Cancellation(CancelledError("It was cancelled."))


def test_nothing_ends_that_was_not_cancelled(work):
    check()
    with work:
        check()
        Meter().check()
        with ending(pytest.fail), uncancelled():
            pass


def test_what_is_done_within_ends_too(work):
    with work:
        work.cancel()
        with pytest.raises(CancelledError):
            Meter().check()  # as of files that are hashed for a deployment
        with pytest.raises(CancelledError), uncancelled():
            pytest.fail("it was begun")
    check()


def test_what_has_begun_whole_is_done(work):
    with work, uncancelled():
        work.cancel()
        check()


def test_programs_are_ended_also_where_they_begin_late(work, tmp_path):
    with work:
        work.cancel()
        with pytest.raises(CancelledError):
            run_program(["sleep", "600"], cwd=tmp_path, timeout=900)
    work = Cancellation(CancelledError("It was cancelled."))

    def begun(_line: str) -> None:
        threading.Thread(target=work.cancel).start()

    program = ["sh", "-c", "echo Building >&2; sleep 600"]
    with work, pytest.raises(CancelledError):
        run_program(program, cwd=tmp_path, timeout=900, on_line=begun)


def test_who_waits_for_another_process_ends(work, tmp_path):
    (tmp_path / "environments").mkdir()
    waiting = threading.Thread(target=work.cancel)
    with (
        FileLock(tmp_path / "environments" / ".abc.lock"),
        work,
        pytest.raises(CancelledError),
        exclusive(tmp_path, "abc", on_wait=lambda _line: waiting.start()),
    ):
        pytest.fail("it was not waited for")
    waiting.join()
    with exclusive(tmp_path, "abc", wait=False):
        pass
