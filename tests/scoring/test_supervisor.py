"""A service kept alive: crashes, limits, ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import PATIENCE, Supervised, environment, is_alive, wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_serves_and_stops(supervised: Supervised, tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text("1")
    supervised.desire("echo", "--sample", str(sample), workers=2, cpus=0.5)
    state = supervised.start().reach(phase="serving")
    assert (state["generation"], state["target_generation"], state["stage"]) == (1, 1, "ready")
    assert state["sample_ms"] >= 0
    assert [worker["ready"] for worker in state["workers"]] == [True, True]
    assert state["workers"][0]["memory_bytes"] > 1 << 20
    assert supervised.ask(body=b"x").json == {"got": "x"}
    pids = supervised.pids
    supervised.signal(signal.SIGTERM)
    assert supervised.process is not None
    assert supervised.process.wait(PATIENCE) == 0
    assert supervised.state["phase"] == "stopped"
    assert supervised.state["workers"] == []
    assert not any(is_alive(pid) for pid in pids)
    assert (supervised.directory / "service.log").stat().st_mode & 0o077 == 0


def test_answers_with_the_stage_before_it_is_ready(supervised: Supervised, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    supervised.desire("init_waits_for_file", variables={"WAIT_FOR": str(gate)})
    supervised.start().reach(phase="starting", stage="init")
    answer = supervised.ask("GET", "/")
    assert (answer.status, answer.json["stage"]) == (503, "init")
    gate.touch()
    supervised.reach(phase="serving")
    assert supervised.ask("GET", "/").status == 200


def test_prepare(supervised: Supervised) -> None:
    code = "import time; print('installing'); time.sleep(0.5)"
    supervised.desire("echo", prepare=[sys.executable, "-c", code])
    supervised.start().reach(phase="starting", stage="environment")
    supervised.reach(phase="serving")
    assert "installing" in supervised.log


def test_failing_prepare(supervised: Supervised) -> None:
    code = "print('no such package'); raise SystemExit(1)"
    supervised.desire("echo", prepare=[sys.executable, "-c", code])
    failure = supervised.start().failure()
    assert failure["reason"] == "EnvironmentFailed"
    assert failure["log"] == ["no such package"]
    assert supervised.state["stage"] == "environment"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("init_raises", "InitFailed"),
        ("init_exits", "ScriptExited"),
        ("init_ends_process", "ScriptExited"),
        ("init_out_of_memory", "OutOfMemory"),
        ("no_run", "ScriptContractError"),
    ],
)
def test_start_failures_end_the_service(supervised: Supervised, script: str, reason: str) -> None:
    supervised.desire(script)
    failure = supervised.start().failure()
    assert (failure["generation"], failure["reason"]) == (1, reason)
    assert failure["log"]
    assert supervised.state["restarts"] == 0


def test_frames_of_a_start_failure(supervised: Supervised) -> None:
    supervised.desire("init_raises")
    failure = supervised.start().failure()
    assert failure["frames"][0]["file"] == "init_raises.py"
    assert failure["exception"].startswith("json.decoder.JSONDecodeError")


def test_endless_init(supervised: Supervised) -> None:
    supervised.desire("init_loops", start_timeout_seconds=5)
    failure = supervised.start().failure()
    assert failure["reason"] == "InitTimeout"
    assert "'init'" in failure["message"]


def test_memory_hog(supervised: Supervised) -> None:
    supervised.desire("init_eats_memory", memory_bytes=200 << 20)
    failure = supervised.start().failure()
    assert failure["reason"] == "OutOfMemory"
    assert str(200 << 20) in failure["message"]


def test_ten_megabytes_of_output(supervised: Supervised) -> None:
    supervised.desire("init_prints_ten_megabytes")
    supervised.start().reach(phase="serving")
    assert supervised.ask(body=b"x").json == "alive"
    sizes = [path.stat().st_size for path in supervised.directory.glob("service.log*")]
    assert sum(sizes) > 10_000_000
    assert max(sizes) <= 10 << 20
    assert len(sizes) <= 3


def test_port_in_use(supervised: Supervised) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        supervised.desire("echo", port=other.getsockname()[1])
        assert supervised.start().failure()["reason"] == "PortInUse"


def test_missing_interpreter(supervised: Supervised) -> None:
    supervised.desire("echo", command=["/no/such/python"])
    assert supervised.start().failure()["reason"] == "EnvironmentFailed"


def test_damaged_request(supervised: Supervised) -> None:
    supervised.desired_file.write_text("{")
    assert supervised.start().failure()["reason"] == "ConfigurationError"


def test_killed_worker_comes_back(supervised: Supervised) -> None:
    supervised.desire("echo")
    (pid,) = supervised.start().reach(phase="serving") and supervised.pids
    os.kill(pid, signal.SIGKILL)
    state = supervised.reach(restarts=1)
    assert state["failure"] is None or state["failure"]["reason"] == "Crashed"
    wait_for(
        lambda: supervised.pids != [pid] and supervised.state["workers"][0]["ready"], "a new worker"
    )
    assert supervised.ask(body=b"x").status == 200
    assert supervised.reach(phase="serving", failure=None)["workers"][0]["restarts"] == 1


def test_other_workers_serve_while_one_comes_back(supervised: Supervised) -> None:
    supervised.desire("run_crashes", workers=2)
    supervised.start().reach(phase="serving")
    with pytest.raises(OSError, match=r".*"):
        supervised.ask(body=b"crash")
    assert all(supervised.ask(body=b"x").status == 200 for _ in range(20))
    supervised.reach(restarts=1)


QUICKLY = (
    "import sys; from mlmagic.scoring.supervisor import command, fleet;"
    "fleet._FIRST_PAUSE = 0.01; sys.exit(command.main(sys.argv[1:]))"
)


def test_crash_loop(supervised: Supervised) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    supervised.desire("echo", command=[sys.executable, "-c", code])
    failure = supervised.start("-c", QUICKLY).failure()
    assert failure["reason"] == "CrashLoop"
    assert "5 times" in failure["message"]
    assert "SIGSEGV" in failure["message"]


def test_a_crash_in_a_library_is_told_with_the_line_that_called_it(supervised: Supervised) -> None:
    supervised.desire("init_crashes")
    failure = supervised.start("-c", QUICKLY).failure()
    assert failure["reason"] == "CrashLoop"
    assert "with signal SIGSEGV in the stage 'init'" in failure["message"]
    said = "\n".join(failure["log"])
    assert "Fatal Python error: Segmentation fault" in said
    assert re.search(r'init_crashes\.py", line 5 in read_model\n.*line 9 in init', said)


def test_workers_leave_when_the_supervisor_is_killed(supervised: Supervised) -> None:
    supervised.desire("echo", workers=2)
    state = supervised.start().reach(phase="serving")
    pids = supervised.pids
    supervised.signal(signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids), "the end of the workers")
    # The next supervisor gets the same port.
    assert supervised.process is not None
    supervised.process.wait()
    supervised.desire("echo", port=state["port"])
    supervised.start().reach(phase="serving", target_generation=2, port=state["port"])


def test_worker_in_endless_init_leaves_with_the_supervisor(supervised: Supervised) -> None:
    supervised.desire("init_loops")
    supervised.start().reach(stage="init")
    (pid,) = supervised.pids
    supervised.signal(signal.SIGKILL)
    wait_for(lambda: not is_alive(pid), "the end of the worker")


def test_one_supervisor_for_a_directory(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start().reach(phase="serving")
    command = [sys.executable, "-m", "mlmagic.scoring.supervisor", str(supervised.directory)]
    second = subprocess.run(command, capture_output=True, check=False, env=environment())
    assert second.returncode == 4
    assert b"has a supervisor already" in second.stderr
    assert supervised.ask("GET", "/").status == 200


def test_lines_of_workers_stay_whole(supervised: Supervised) -> None:
    supervised.desire("run_prints", workers=2)
    supervised.start().reach(phase="serving")
    for _ in range(20):
        supervised.ask(body=b"x")
    start = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [IE] \[\d+\] [\w.]+ - "
    assert all(re.match(start, line) for line in supervised.log.splitlines())


def test_state_is_whole_at_every_moment(supervised: Supervised) -> None:
    supervised.desire("echo")
    supervised.start()
    path = supervised.directory / "state.json"
    wait_for(path.exists, "a state")
    phases = set()
    while "serving" not in phases:
        phases.add(json.loads(path.read_text())["phase"])
    assert phases == {"starting", "serving"}
