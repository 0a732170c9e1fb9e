"""A front owns the socket; servers take it from there, and follow when it is started anew."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import Client, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCRIPT = """
def init():
    pass

def run(raw_data):
    return raw_data
"""


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
        return self.process.wait(20)

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
    assert server.process.wait(20) == 0


def test_a_server_that_ends_leaves_the_socket_to_the_next(start_front, serve_source, tmp_path):
    options = ["--listener-from", str(tmp_path / "door"), "--auth", "none"]
    front = start_front()
    first = serve_source(SCRIPT, *options)
    wait_for(lambda: first.status.get("stage") == "ready", "a start")
    second = serve_source(SCRIPT, *options, "--accept-when-ready")
    wait_for(lambda: second.status.get("stage") == "ready", "a start")
    first.process.send_signal(signal.SIGTERM)
    assert all(front.answers() for _ in range(50))
    assert first.process.wait(20) == 0
    assert front.answers()


def test_two_workers_tell_a_failing_script_in_one_status_file(start_front, serve_source, tmp_path):
    start_front()
    options = ["--listener-from", str(tmp_path / "door"), "--auth", "none", "--workers", "2"]
    broken = SCRIPT.replace("pass", "raise ValueError('no such model')")
    server = serve_source(broken, *options)
    assert server.process.wait(20) == 3
    assert server.status["reason"] == "InitFailed"
    assert "no such model" in server.status["message"]
    assert server.status["frames"]


def test_a_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as held:
        command = [sys.executable, "-m", "mlmagic.scoring.front", "--address", "127.0.0.1"]
        command += ["--port", str(held.getsockname()[1]), "--socket", str(tmp_path / "door")]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ran.returncode == 3
    assert "Address already in use" in ran.stderr
