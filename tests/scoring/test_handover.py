"""Updates and restarts under load lose no request."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import PATIENCE, Supervised, environment, wait_for
from tests.scoring.differential.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Load:
    """Clients that ask without a break; half keep their connections."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self.answers: Counter[str] = Counter()
        self.problems: list[str] = []
        self._threads = [
            threading.Thread(target=self._ask, args=(keep,)) for keep in (True, True, False, False)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/score", body=b"sleep 0.01")
                answer = connection.getresponse()
                body = answer.read()
                self.answers["second" if b"second" in body else "first"] += 1
                if answer.status != 200:
                    self.problems.append(f"{answer.status} {body!r}")
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(repr(error))
                connection.close()
            if not keep:
                connection.close()
        connection.close()


@contextlib.contextmanager
def load_on(service: Supervised) -> Iterator[Load]:
    load = Load(service.port)
    load.start()
    try:
        yield load
    finally:
        load.stop()


def test_update_under_load(supervised: Supervised) -> None:
    supervised.desire("echo", workers=2)
    port = supervised.start().reach(phase="serving")["port"]
    with load_on(supervised) as load:
        wait_for(lambda: load.answers["first"] > 20, "answers of the first generation")
        supervised.update("echo_second", workers=1)
        supervised.reach(phase="serving", generation=2, wanted=1, port=port)
        supervised.update("echo", workers=2)
        supervised.reach(phase="serving", generation=3, wanted=2)
        supervised.update("echo_second")
        wait_for(lambda: supervised.state["generation"] == 4, "the last generation")
        wait_for(lambda: len(supervised.pids) == 1, "the end of the others")
        before = load.answers["second"]
        wait_for(lambda: load.answers["second"] > before + 20, "answers of the last generation")
    assert load.problems == []
    assert load.answers["first"] > 20


def test_restart_under_load(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start().reach(phase="serving")
    before = supervised.pids
    with load_on(supervised) as load:
        supervised.signal(signal.SIGUSR1)
        wait_for(lambda: len(supervised.pids) == 1 and supervised.pids != before, "a new worker")
    assert load.problems == []
    state = supervised.state
    assert (state["generation"], state["restarts"]) == (1, 0)


def test_a_kept_connection_has_time_to_move_over(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start().reach(phase="serving")
    kept = http.client.HTTPConnection("127.0.0.1", supervised.port, timeout=PATIENCE)
    with contextlib.closing(kept):
        kept.request("POST", "/score", body=b"x")
        kept.getresponse().read()
        supervised.update("echo_second")
        supervised.reach(phase="serving", generation=2)
        time.sleep(1)  # what a client may do between two requests
        kept.request("POST", "/score", body=b"x")
        answer = kept.getresponse()
        assert json.loads(answer.read()) == {"got": "x"}
        assert answer.getheader("connection") == "close"
        kept.request("POST", "/score", body=b"x")
        assert json.loads(kept.getresponse().read()) == {"second": "x"}


def test_a_worker_whose_script_takes_the_signal_for_itself_lets_go_as_well(
    supervised: Supervised,
) -> None:
    supervised.desire("takes_the_signal", stop_grace_seconds=2 * PATIENCE)
    supervised.start().reach(phase="serving")
    with load_on(supervised) as load:
        wait_for(lambda: load.answers["first"] > 20, "answers of the first generation")
        supervised.update("echo_second")
        supervised.reach(phase="serving", generation=2)
        wait_for(lambda: len(supervised.pids) == 1, "the end of the other")
    assert load.problems == []
    assert "most recent call first" in supervised.log  # what the script wanted of the signal


def test_stop_under_load_answers_what_it_accepted(supervised: Supervised) -> None:
    supervised.desire("echo", workers=2)
    supervised.start().reach(phase="serving")
    with load_on(supervised) as load:
        wait_for(lambda: load.answers["first"] > 20, "answers")
        supervised.signal(signal.SIGTERM)
        assert supervised.process is not None
        assert supervised.process.wait(PATIENCE) == 0
    assert all("Refused" in problem for problem in load.problems), Counter(load.problems)


def test_failing_update_keeps_the_old(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start().reach(phase="serving")
    pids = supervised.pids
    with load_on(supervised) as load:
        supervised.update("init_raises")
        state = supervised.reach(phase="serving", target_generation=2)
    assert load.problems == []
    assert (state["generation"], state["stage"]) == (1, "ready")
    assert (state["failure"]["generation"], state["failure"]["reason"]) == (2, "InitFailed")
    assert supervised.pids == pids
    supervised.update("echo_second")
    assert supervised.reach(phase="serving", generation=3)["failure"] is None


def test_an_update_of_which_one_worker_fails_loses_no_request(supervised: Supervised) -> None:
    supervised.desire("echo", workers=2)
    supervised.start().reach(phase="serving")
    with load_on(supervised) as load:
        supervised.update("second_raises", workers=2)
        supervised.reach(phase="serving", target_generation=2)
        wait_for(lambda: len(supervised.pids) == 2, "the end of the one that came up")
    assert load.answers["second"] > 0
    assert load.problems == []
    assert supervised.state["failure"]["reason"] == "InitFailed"


def test_crashing_update_keeps_the_old(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start().reach(phase="serving")
    code = "import os; os.abort()"
    supervised.update("echo", command=[sys.executable, "-c", code])
    state = supervised.reach(phase="serving", target_generation=2)
    assert state["failure"]["reason"] == "Crashed"
    assert supervised.ask(body=b"x").status == 200


def test_damaged_update_keeps_the_old(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start().reach(phase="serving")
    supervised.desired_file.write_text("{")
    supervised.signal(signal.SIGHUP)
    failure = wait_for(lambda: supervised.state["failure"], "a failure")
    assert failure["reason"] == "ConfigurationError"
    assert supervised.ask(body=b"x").status == 200


def test_newer_update_replaces_one_that_is_under_way(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start().reach(phase="serving")
    supervised.update("init_loops")
    supervised.reach(phase="updating", stage="init")
    supervised.update("echo_second")
    supervised.reach(phase="serving", generation=3)
    wait_for(lambda: len(supervised.pids) == 1, "the end of the others")
    assert supervised.ask(body=b"x").json == {"second": "x"}


def test_update_to_another_port(supervised: Supervised) -> None:
    import socket

    supervised.desire("echo")
    old = supervised.start().reach(phase="serving")["port"]
    with socket.create_server(("127.0.0.1", 0)) as other:
        new = other.getsockname()[1]
        supervised.update("echo", port=new)
        failure = wait_for(lambda: supervised.state["failure"], "a failure")
        assert failure["reason"] == "PortInUse"
        assert supervised.state["port"] == old
        assert supervised.ask(body=b"x").status == 200
    supervised.update("echo_second", port=new)
    supervised.reach(phase="serving", generation=3, port=new)
    assert supervised.ask(body=b"x").json == {"second": "x"}


SAYS = """
def init():
    pass


def run(data):
    return "WORD"
"""


@pytest.mark.parametrize(
    ("options", "asks"), [(("--watch",), False), (("--workers", "2"), True)], ids=["watch", "hup"]
)
def test_a_changed_script_is_loaded_without_losing_a_request(
    tmp_path: Path, options: tuple[str, ...], asks: bool
) -> None:
    script = tmp_path / "score.py"
    script.write_text(SAYS.replace("WORD", "first"))
    port = free_port()
    command = [sys.executable, "-m", "mlmagic.scoring", str(script), "--port", str(port), *options]
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment())
    load = Load(port)

    def change(text: str) -> None:
        script.write_text(text)
        if asks:
            process.send_signal(signal.SIGHUP)

    try:
        wait_for(lambda: "serves" in log.read_text(), "a start")
        load.start()
        wait_for(lambda: load.answers["first"] > 20, "answers of the first script")
        change("this is no Python")
        wait_for(lambda: "ScriptSyntaxError" in log.read_text(), "a refusal")
        change(SAYS.replace("WORD", "second"))
        wait_for(lambda: load.answers["second"] > 20, "answers of the second script")
    finally:
        load.stop()
        process.terminate()
        process.wait(PATIENCE)
    assert load.problems == []
    assert process.returncode == 0
