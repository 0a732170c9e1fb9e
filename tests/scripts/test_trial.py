"""Trials in real child processes; the interpreter of the tests stands for the environment."""

import sys
import time
from pathlib import Path

import pytest

import mlmagic
from mlmagic.entities import CellOrigin, Reason
from mlmagic.scripts import Limits, try_script

RUNTIME = Path(mlmagic.__file__).parents[1]
GOOD_RUN = "def run(data):\n    return len(data)\n"


@pytest.fixture
def attempt(tmp_path):
    def attempt(source, *, sample="[1, 2]", entry="score.py", **options):
        root = tmp_path / "app"
        script = root / entry
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(source)
        (tmp_path / "sample.json").write_text(sample or "")
        return try_script(
            Path(sys.executable),
            runtime=RUNTIME,
            app_root=root,
            entry_script=entry,
            model_dir=root / "azureml-models",
            sample=tmp_path / "sample.json" if sample else None,
            origin=CellOrigin(execution_count=4),
            **options,
        )

    return attempt


def test_a_good_script_is_timed_and_answers(attempt):
    result = attempt(f"def init():\n    print('ready to go')\n{GOOD_RUN}")
    assert result.ok, result
    assert result.result == "6"
    assert result.init_seconds is not None
    assert result.run_ms is not None
    assert "ready to go" in result.output


def test_without_a_sample_only_init_runs(attempt):
    result = attempt(f"def init():\n    pass\n{GOOD_RUN}", sample=None)
    assert result.ok
    assert (result.run_ms, result.result) == (None, None)


def test_a_nested_script_finds_its_neighbours(attempt, tmp_path):
    (tmp_path / "app/work/abc").mkdir(parents=True)
    (tmp_path / "app/work/helpers.py").write_text("def size(data):\n    return len(data)\n")
    (tmp_path / "app/work/abc/words.json").write_text("{}")
    source = (
        "import helpers\ndef init():\n    open('work/abc/words.json').close()\n"
        "def run(data):\n    return helpers.size(data)\n"
    )
    result = attempt(source, entry="work/x/score.py")
    assert result.ok, result.output


@pytest.mark.parametrize(
    ("source", "reason", "shown"),
    [
        (
            "def init():\n    raise ValueError('no model')\n",
            Reason.INIT_FAILED,
            "In [4], line 3, in init()\n    raise ValueError('no model')\nValueError: no model",
        ),
        (
            "def init(): pass\ndef run(d):\n    return d + 1\n",
            Reason.SAMPLE_FAILED,
            "In [4], line 4, in run()\n    return d + 1\nTypeError: ",
        ),
        ("import nowhere\n", Reason.SCRIPT_IMPORT, "In [4], line 2\n    import nowhere\nModuleNot"),
        ("def init(:\n", Reason.SCRIPT_SYNTAX, "SyntaxError"),
        ("def init(): pass\n", Reason.SCRIPT_CONTRACT, ""),
        ("def init():\n    raise SystemExit(2)\n", Reason.EXITED, "In [4], line 3, in init()"),
        ("import sys\nsys.exit()\n", Reason.EXITED, ""),
        ("import os\ndef init():\n    os._exit(0)\n", Reason.EXITED, "exit code 0"),
        ("import os\ndef init():\n    os.abort()\n", Reason.CRASHED, "In [4], line 4, in init()"),
        (
            "import os\ndef init():\n    os.kill(os.getpid(), 9)\n",
            Reason.OUT_OF_MEMORY,
            "killed the process",
        ),
        ("def init():\n    raise MemoryError\n", Reason.OUT_OF_MEMORY, ""),
    ],
)
def test_what_fails_is_told_in_the_cell(attempt, source, reason, shown):
    complete = reason is Reason.SCRIPT_CONTRACT or "def run" in source
    result = attempt(source if complete else source + GOOD_RUN)
    assert not result.ok
    assert result.reason is reason, result
    assert shown in result.traceback + result.message
    assert "mlmagic" not in result.traceback


def test_a_loop_in_init_is_stopped_and_located(attempt):
    source = f"def init():\n    while True:\n        pass\n{GOOD_RUN}"
    result = attempt(source, limits=Limits(seconds=10))  # of which the start takes some, too
    assert result.reason is Reason.INIT_TIMEOUT
    assert "In [4], line 3, in init()" in result.traceback.replace("line 4", "line 3")


def test_a_loop_in_run_is_a_failed_sample(attempt):
    source = "import time\ndef init(): pass\ndef run(d):\n    time.sleep(600)\n"
    result = attempt(source, limits=Limits(seconds=10))
    assert result.reason is Reason.SAMPLE_FAILED
    assert "In [4], line 5, in run()" in result.traceback


def test_much_output_is_cut(attempt):
    source = (
        "import sys\ndef init():\n    print('begin')\n    sys.stdout.write('x' * 10_000_000)\n"
        f"    print('end')\n{GOOD_RUN}"
    )
    result = attempt(source)
    assert result.ok
    assert len(result.output) < 100_000
    assert "begin" in result.output
    assert "left out" in result.output


def test_memory_is_limited(attempt):
    source = (
        "def init():\n    held = []\n    while True:\n        held.append(bytearray(1 << 20))\n"
        f"{GOOD_RUN}"
    )
    result = attempt(source, limits=Limits(seconds=60, memory_bytes=200 << 20))
    assert result.reason is Reason.OUT_OF_MEMORY
    assert "200 MiB" in result.message


def test_what_the_script_started_ends_with_it(attempt, tmp_path):
    note = tmp_path / "pid"
    source = (
        "import subprocess\ndef init():\n"
        "    child = subprocess.Popen(['sleep', '300'])\n"
        f"    open({str(note)!r}, 'w').write(str(child.pid))\n{GOOD_RUN}"
    )
    assert attempt(source).ok
    import psutil

    pid = int(note.read_text())
    for _ in range(2400):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    pytest.fail("the grandchild lives on")


def test_the_kernels_own_settings_do_not_reach_the_script(attempt, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("WANTED", "yes")
    source = (
        "import os\ndef init(): pass\n"
        "def run(d):\n    return [os.environ.get(n) for n in ('MPLBACKEND', 'WANTED', 'OURS')]\n"
    )
    assert attempt(source, variables={"OURS": "1"}).result == '[null, "yes", "1"]'
