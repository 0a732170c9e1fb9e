"""WORKER_PRELOAD: workers forked from a process that has loaded the script."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.scoring.conftest import PATIENCE, RunningServer, is_alive, wait_for

Serve = Callable[..., RunningServer]
PIDS = """
    import os
    import threading
    import time


    def init():
        global loaded
        loaded = os.getpid()


    def run(data):
        time.sleep(float(data))
        return [loaded, os.getpid()]
"""
OPTIONS = ("--workers", "2")


def pids(server: RunningServer, requests: int = 16) -> list[tuple[int, int]]:
    """Ask at the same time, so that both workers have to answer."""
    with ThreadPoolExecutor(requests) as pool:
        answers = list(pool.map(lambda _: server.ask(body=b"0.05"), range(requests)))
    assert {answer.status for answer in answers} == {200}
    return [tuple(answer.json) for answer in answers]


def test_init_runs_once_for_all_workers(serve_source: Serve) -> None:
    server = serve_source(PIDS, *OPTIONS, WORKER_PRELOAD="true").ready()
    told = pids(server)
    (loader,) = {loaded for loaded, _ in told}
    workers = {worker for _, worker in told}
    assert len(workers) == 2
    assert loader not in workers
    page = server.ask("GET", "/metrics").body.decode()
    assert "mlmagic_workers 2" in page
    assert server.log.count("Ready: ") == 2
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(server.ask, body=b"0.2") for _ in range(8)]
        wait_for(lambda: any(answer.done() for answer in answers), "the first answer")
        server.process.send_signal(signal.SIGTERM)
        assert {answer.result().status for answer in answers} == {200}
    assert server.process.wait(PATIENCE) == 0
    assert not [pid for pid in (loader, *workers) if is_alive(pid)]


def test_crashed_worker_is_forked_again(serve_source: Serve) -> None:
    server = serve_source(PIDS, *OPTIONS, WORKER_PRELOAD="true").ready()
    loader, victim = pids(server, 1)[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: server.log.count("Ready: ") == 3, "another worker")
    assert f"Worker {victim} ended (signal 9), time 1" in server.log
    assert {loaded for loaded, _ in pids(server)} == {loader}


@pytest.mark.parametrize(
    ("source", "reason", "words"),
    [
        ("def init():\n    1 / 0\n\ndef run(data): ...\n", "InitFailed", "ZeroDivisionError"),
        ("def init(): ...\n\nasync def run(data): ...\n", "ConfigurationError", "async run()"),
    ],
)
def test_what_cannot_be_preloaded_ends(
    serve_source: Serve, source: str, reason: str, words: str
) -> None:
    server = serve_source(source, *OPTIONS, WORKER_PRELOAD="true")
    assert server.failed()["reason"] == reason
    assert words in server.log


def test_threads_that_stay_behind_are_named(serve_source: Serve) -> None:
    started = PIDS.replace(
        "loaded = os.getpid()",
        'threading.Thread(target=time.sleep, args=(60,), name="mine", daemon=True).start()',
    )
    server = serve_source(started, *OPTIONS, WORKER_PRELOAD="true").ready()
    assert "init() started threads (mine) that preloaded workers do not have" in server.log
