"""Signals and crashes while requests are in flight; memory over many requests."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import PATIENCE, RunningServer, is_alive, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scoring.conftest import Client, Supervised

WAITS = """
import time


def init():
    pass


def run(data):
    time.sleep(float(data))
    return "done"
"""


@pytest.fixture
def waits(tmp_path: Path) -> str:
    path = tmp_path / "waits.py"
    path.write_text(WAITS)
    return str(path)


class Clients:
    """Many clients, each with one request on a connection of its own."""

    def __init__(self, server: Client, count: int, body: bytes) -> None:
        self.statuses: list[int] = []
        self.problems: list[str] = []
        self._connected = threading.Barrier(count + 1)
        self._threads = [
            threading.Thread(target=self._ask, args=(server.port, body)) for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()
        self._connected.wait(PATIENCE)

    def _ask(self, port: int, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("POST", "/score", body)
            self._connected.wait(PATIENCE)
            self.statuses.append(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            self.problems.append(repr(error))
        finally:
            connection.close()

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)


@pytest.mark.parametrize("count", [16, 200])
def test_sigterm_loses_nothing(serve: Callable[..., RunningServer], waits: str, count: int) -> None:
    server = serve(waits).ready()
    clients = Clients(server, count, b"0.05")
    server.process.send_signal(signal.SIGTERM)
    clients.finish()
    assert (clients.problems, clients.statuses) == ([], [200] * count)
    assert server.process.wait(PATIENCE) == 0
    assert server.status["stage"] == "draining"


@pytest.mark.parametrize("count", [16, 200])
def test_sigterm_of_two_workers_loses_nothing(
    supervised: Supervised, waits: str, count: int
) -> None:
    supervised.desire("echo", workers=2)
    text = supervised.desired_file.read_text()
    import json

    desired = json.loads(text)
    place = desired["command"].index("--entry-script") + 1
    desired["command"][place] = waits
    supervised.desired_file.write_text(json.dumps(desired))
    supervised.start().reach(phase="serving")
    clients = Clients(supervised, count, b"0.05")
    pids = supervised.pids
    supervised.signal(signal.SIGTERM)
    clients.finish()
    assert (clients.problems, clients.statuses) == ([], [200] * count)
    assert supervised.process is not None
    assert supervised.process.wait(PATIENCE) == 0
    assert not [pid for pid in pids if is_alive(pid)]


def test_killed_worker_is_replaced_under_load(supervised: Supervised) -> None:
    supervised.desire("echo", workers=2)
    supervised.start().reach(phase="serving")
    stop = threading.Event()
    answered: list[int] = []
    lost: list[str] = []

    def keep_asking() -> None:
        while not stop.is_set():
            try:
                answered.append(supervised.ask(body=b"x").status)
            except (OSError, http.client.HTTPException) as error:
                lost.append(repr(error))

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answered) > 50, "answers")
    victim = supervised.pids[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: supervised.state.get("restarts", 0) >= 1, "a restart")
    wait_for(lambda: len(supervised.pids) == 2 and victim not in supervised.pids, "two workers")
    until = len(answered) + 50
    wait_for(lambda: len(answered) > until, "more answers")
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answered) == {200}
    assert len(lost) <= len(threads)  # only what the killed process had in its hands


def test_memory_stays_flat(serve: Callable[..., RunningServer]) -> None:
    server = serve("echo", "--log-level", "WARNING").ready()
    _pipelined(server, 4_000)
    before = _resident(server.process.pid)
    _pipelined(server, 20_000)
    assert _resident(server.process.pid) - before < 4 * 2**20


def _pipelined(server: RunningServer, requests: int, at_once: int = 20) -> None:
    """Send requests on one connection, some at a time."""
    one = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b"x" * 100
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        for _ in range(requests // at_once):
            connection.sendall(one * at_once)
            got = b""
            while got.count(b'{"got"') < at_once:
                part = connection.recv(65536)
                assert part, got
                got += part


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_worn_out_worker_is_replaced(supervised: Supervised, waits: str) -> None:
    """Calls that never end hold their threads: a new process takes over, nothing is lost."""
    options = ("--scoring-timeout-ms", "2000", "--threads", "20", "--entry-script", waits)
    supervised.desire("echo", *options)
    supervised.start().reach(phase="serving")
    (worn,) = supervised.pids
    stop = threading.Event()
    answered: list[int] = []

    def keep_asking() -> None:
        while not stop.is_set():
            answered.append(supervised.ask(body=b"0").status)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    stuck = Clients(supervised, 16, b"600")
    stuck.finish()
    wait_for(lambda: supervised.pids and worn not in supervised.pids, "a new worker")
    supervised.reach(phase="serving", restarts=0)
    stop.set()
    asking.join(PATIENCE)
    assert (stuck.problems, stuck.statuses) == ([], [500] * 16)
    assert set(answered) == {200}
    assert not is_alive(worn)


def test_worn_out_server_without_supervisor_ends(
    serve: Callable[..., RunningServer], waits: str
) -> None:
    server = serve(waits, "--scoring-timeout-ms", "2000", "--threads", "20").ready()
    stuck = Clients(server, 16, b"600")
    other = Clients(server, 1, b"0.1")
    stuck.finish()
    other.finish()
    assert (stuck.statuses, other.statuses) == ([500] * 16, [200])
    assert server.process.wait(PATIENCE) == 1
    assert "16 calls of run() hang" in server.log


HOLDS = """
import re


def init():
    pass


def run(data):
    # Backtracks for years, and holds the interpreter lock.
    return data if data != "hold" else str(re.match("(a+)+$", "a" * 60 + "b"))
"""


def test_worker_that_holds_the_interpreter_lock_is_replaced(
    supervised: Supervised, tmp_path: Path
) -> None:
    (tmp_path / "holds.py").write_text(HOLDS)
    script = ("--entry-script", str(tmp_path / "holds.py"))
    supervised.desire("echo", *script, workers=2, variables={"WORKER_TIMEOUT": "3"})
    supervised.start().reach(phase="serving")
    with pytest.raises(http.client.RemoteDisconnected):
        supervised.ask(body=b"hold")
    assert {supervised.ask(body=b"x").status for _ in range(20)} == {200}
    supervised.reach(restarts=1)
    wait_for(lambda: all(each["ready"] for each in supervised.state["workers"]), "two workers")
    assert "holds.py" in supervised.log  # where it was stuck


def test_stuck_calls_do_not_stop_others(serve: Callable[..., RunningServer], waits: str) -> None:
    server = serve(waits, "--scoring-timeout-ms", "1000", "--threads", "1").ready()
    assert server.ask(body=b"600").status == 500
    assert server.ask(body=b"0").status == 200
