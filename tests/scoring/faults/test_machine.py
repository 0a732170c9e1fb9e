"""A machine that misbehaves: a full disk, a clock that jumps, too little memory."""

from __future__ import annotations

import http.client
import json
import os
import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import PATIENCE, environment, read_json, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.scoring.conftest import RunningServer, Supervised


def missing(what: str, reason: str) -> None:
    """Fail where CI has to have it, else skip."""
    if what in os.environ.get("MLMAGIC_REQUIRE", ""):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing("mount", f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "fill"
    with path.open("wb", buffering=0) as stream:
        try:
            while stream.write(bytes(4096)):
                pass
        except OSError:
            pass
    return path


PRINTS = """
import logging


def init():
    pass


def run(data):
    print("printed", data)
    logging.getLogger("mine").warning("logged %s", data)
    return data
"""


def test_full_disk_for_logs(small_disk: Path, tmp_path: Path, supervised: Supervised) -> None:
    (tmp_path / "prints.py").write_text(PRINTS)
    supervised.directory = small_disk
    supervised.desired_file = small_disk / "desired.json"
    supervised.desire("echo", "--entry-script", str(tmp_path / "prints.py"), workers=2)
    supervised.start().reach(phase="serving")
    filling = fill(small_disk)
    for number in range(200):
        answer = supervised.ask(body=f"{number} " + "x" * 1000)
        assert (answer.status, answer.json.split()[0]) == (200, str(number))
    assert supervised.ask("GET", "/metrics").status == 200
    assert b"printed 199" not in (small_disk / "service.log").read_bytes()
    filling.unlink()
    supervised.ask(body="after")
    wait_for(lambda: "printed after" in supervised.log, "lines again")
    assert supervised.state["restarts"] == 0


def test_full_disk_for_the_log_of_a_lone_server(
    small_disk: Path, serve_source: Callable[..., RunningServer]
) -> None:
    """Its standard error is a file there."""
    server = serve_source(PRINTS).ready()
    script = server.log_file.parent.parent / "app" / "score.py"
    fill(small_disk)
    with (small_disk / "log").open("w") as log:
        command = [*server.process.args[:4], str(script), "--port", "0"]  # type: ignore[index]
        command += ["--status-file", str(script.parent / "status.json")]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment())
    try:
        status = script.parent / "status.json"
        wait_for(lambda: read_json(status).get("stage") == "ready", "a start")
        server.port = read_json(status)["port"]
        for number in range(50):
            assert server.ask(body=str(number)).json == str(number)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


# Read by each Python process at its start: its wall clock is off by what a file says.
CLOCK = """
import time

real = time.time


def off():
    try:
        with open(JUMP) as file:
            return float(file.read() or 0)
    except (OSError, ValueError):
        return 0.0


time.time = lambda: real() + off()
"""


@pytest.fixture
def jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], object]:
    """Set by how many days the wall clocks of servers are off."""
    path, folder = tmp_path / "jump", tmp_path / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CLOCK.replace("JUMP", repr(str(path))))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return lambda days: path.write_text(str(days * 86_400))


SLOW = """
import time


def init():
    time.sleep(3)


def run(data):
    time.sleep(float(data))
    return time.time()
"""


@pytest.mark.parametrize("days", [30, -30])
def test_clock_jumps(
    supervised: Supervised, jump: Callable[[int], object], tmp_path: Path, days: int
) -> None:
    """While init() runs, while requests are in flight, and while nothing happens."""
    (tmp_path / "slow.py").write_text(SLOW)
    options = ("--entry-script", str(tmp_path / "slow.py"), "--scoring-timeout-ms", "5000")
    supervised.desire("echo", *options, start_timeout_seconds=60)
    supervised.start().reach(phase="starting", stage="init")
    jump(days)
    supervised.reach(phase="serving", restarts=0)
    with ThreadPoolExecutor() as clients:
        asked = [clients.submit(supervised.ask, body=b"0.5") for _ in range(8)]
        time.sleep(0.2)
        jump(0)
        answers = [each.result() for each in asked]
    assert [answer.status for answer in answers] == [200] * 8
    durations = [float(answer.headers["x-ms-run-fn-exec-ms"]) for answer in answers]
    assert all(400 < duration < 20_000 for duration in durations)
    jump(days)
    assert abs(supervised.ask(body=b"0").json - time.time()) > 86_400 * 20  # it did jump
    assert supervised.state["restarts"] == 0
    assert supervised.state["failure"] is None


def test_too_little_memory_for_a_body(serve: Callable[..., RunningServer]) -> None:
    """Requests that do not fit fail by themselves; the server goes on."""
    server = serve("echo", "--log-level", "WARNING").ready()
    assert server.ask(body=b"x").status == 200
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + (120 << 20)
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
    body = b"x" * (90 << 20)

    def ask() -> int | None:
        try:
            return server.ask(body=body).status
        except (OSError, http.client.HTTPException):
            return None

    with ThreadPoolExecutor() as clients:
        found = [each.result(PATIENCE) for each in [clients.submit(ask) for _ in range(4)]]
    assert any(status != 200 for status in found)
    for number in range(20):
        assert server.ask(body=json.dumps(number)).status == 200
    assert server.process.poll() is None
