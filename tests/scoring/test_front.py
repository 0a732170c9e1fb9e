"""A front owns the socket; servers take it from there, and follow when it is started anew."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import PATIENCE, Client, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCRIPT = """
def init():
    pass

def run(raw_data):
    return raw_data
"""


def says(word: str) -> str:
    return SCRIPT.replace("return raw_data", f"return {word!r}")


class RunningFront(Client):
    def __init__(self, door: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "mlmagic.scoring.front", "--address", "127.0.0.1"]
        command += ["--port", str(self.port), "--socket", str(door)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def answers(self) -> bool:
        try:
            return self.ask(body='"x"').json == '"x"'
        except OSError:
            return False


@pytest.fixture
def start_front(tmp_path: Path) -> Iterator[Callable[[], RunningFront]]:
    fronts: list[RunningFront] = []

    def start() -> RunningFront:
        fronts.append(RunningFront(tmp_path / "door"))
        return fronts[-1]

    yield start
    for front in fronts:
        front.end(signal.SIGKILL)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_answers_on_the_fronts_port_and_follows_it(
    start_front, serve_source, tmp_path, workers
):
    options = ["--listener-from", str(tmp_path / "door"), "--auth", "none", "--workers", workers]
    server = serve_source(SCRIPT, *options)  # before the front: it waits
    first = start_front()
    wait_for(lambda: server.status.get("stage") == "ready", "a start")
    assert first.answers()
    first.end(signal.SIGKILL)
    second = start_front()
    assert second.port != first.port
    wait_for(second.answers, "the server takes the new socket")
    assert second.end(signal.SIGTERM) == 0
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("variables", [{}, {"WORKER_COUNT": "2", "WORKER_PRELOAD": "true"}])
def test_the_file_that_names_another_server_hands_the_socket_over(
    start_front, serve_source, tmp_path, variables
):
    turn = tmp_path / "serving.json"
    options = ["--listener-from", str(tmp_path / "door"), "--auth", "none"]
    options += ["--serving-file", str(turn)]
    front = start_front()
    turn.write_text("{}")
    first = serve_source(says("one"), *options, "--instance", "one", **variables)
    wait_for(lambda: first.status.get("stage") == "waiting", "a start")
    turn.write_text('{"instance": "one"}')
    wait_for(lambda: first.status.get("stage") == "ready", "its turn")
    second = serve_source(says("two"), *options, "--instance", "two", **variables)
    wait_for(lambda: second.status.get("stage") == "waiting", "a start")
    turn.write_text("")  # as engines write: the file is empty for a moment
    assert {front.ask(body="1").json for _ in range(20)} == {"one"}
    turn.write_text('{"instance": "two"}')
    assert first.process.wait(PATIENCE) == 0
    assert {front.ask(body="1").json for _ in range(20)} == {"two"}
    assert second.status["stage"] == "ready"


def test_a_script_that_takes_the_signal_for_itself_hands_over_as_well(
    start_front, serve_source, tmp_path
):
    turn = tmp_path / "serving.json"
    options = ["--listener-from", str(tmp_path / "door"), "--auth", "none"]
    options += ["--serving-file", str(turn), "--instance", "one"]
    front = start_front()
    turn.write_text('{"instance": "one"}')
    takes = "import faulthandler, signal; faulthandler.register(signal.SIGUSR2); return"
    server = serve_source(SCRIPT.replace("return", takes), *options)
    wait_for(lambda: server.status.get("stage") == "ready", "its turn")
    assert front.ask(body='"x"').json == '"x"'
    turn.write_text('{"instance": "two"}')
    assert server.process.wait(PATIENCE) == 0
    assert "most recent call first" in server.log  # what the script wanted of the signal


def test_two_workers_tell_a_failing_script_in_one_status_file(start_front, serve_source, tmp_path):
    start_front()
    options = ["--listener-from", str(tmp_path / "door"), "--auth", "none", "--workers", "2"]
    broken = SCRIPT.replace("pass", "raise ValueError('no such model')")
    server = serve_source(broken, *options)
    assert server.process.wait(PATIENCE) == 3
    assert server.status["reason"] == "InitFailed"
    assert "no such model" in server.status["message"]
    assert server.status["frames"]


def test_a_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as held:
        command = [sys.executable, "-m", "mlmagic.scoring.front", "--address", "127.0.0.1"]
        command += ["--port", str(held.getsockname()[1]), "--socket", str(tmp_path / "door")]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 3
    assert "Address already in use" in ran.stderr
