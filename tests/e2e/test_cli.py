"""The command as a real process."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

FAST = {"MLMAGIC_HEADLESS": "1"}


@pytest.fixture
def run(tmp_path):
    """Run ``mlmagic`` in a workspace of its own."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "model.bin").write_bytes(b"model")
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR")} | FAST

    def run(*words, stdin=None, **variables):
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "mlmagic", *words],
            cwd=tmp_path,
            env=environment | variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_models_from_a_shell(run, tmp_path):
    done = run("model", "register", "-n", "tiny", "-p", "model.bin", "--tag", "a=b")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tiny:1  registered   5 B · sha256:")
    assert f"created in '{os.path.realpath(tmp_path)}/.mlmagic'\n" in done.stderr
    assert json.loads(run("models", "-o", "json").stdout)[0]["tags"] == {"a": "b"}
    assert run("model", "list", "--query", "[].id", "-o", "tsv").stdout == "tiny:1\n"
    assert run("model", "show", "tiny", "-o", "yaml").stdout.startswith("name: tiny\n")
    assert run("model", "list", "-o", "none").stdout == ""
    assert run("model", "delete", "tiny").stdout == "tiny:1  deleted\n"


TERMINATED = """
import os, signal, sys
from mlmagic.cli import main
from mlmagic.registry import ContentStore
def adopt(self, written, *, shared):
    assert self.temporaries()
    os.kill(os.getpid(), signal.SIGTERM)
ContentStore._adopt = adopt
sys.argv = ["mlmagic", "model", "register", "-n", "tiny", "-p", "model.bin"]
sys.exit(main())
"""


def test_a_command_that_is_terminated_takes_back_what_it_began(run, tmp_path):
    run("model", "register", "-n", "first", "-p", "pyproject.toml")
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "error: Interrupted.\n")
    assert list((tmp_path / ".mlmagic" / "content" / "incoming").iterdir()) == []
    assert run("model", "list", "--query", "[].id", "-o", "tsv").stdout == "first:1\n"


def test_verify_ends_with_1_where_it_finds_damage(run, tmp_path):
    run("model", "register", "-n", "tiny", "-p", "model.bin")
    assert run("model", "verify").returncode == 0
    (content,) = (tmp_path / ".mlmagic" / "content" / "sha256").glob("*/*")
    content.chmod(0o644)
    content.write_bytes(b"mdoel")
    for output in ("table", "json"):
        done = run("model", "verify", "-o", output)
        assert (done.returncode, "tiny:1" in done.stdout) == (1, True), done.stderr


def test_a_run_quotes_the_cell_that_failed_as_it_is(run, tmp_path):
    cells = [nbformat.v4.new_code_cell("%load_ext mlmagic"), nbformat.v4.new_code_cell("%deploy")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "n.ipynb")
    done = run("run", "n.ipynb")
    assert (done.returncode, "In [2]  %deploy\n" in done.stdout) == (1, True), done.stdout


def test_several_files_and_samples(run, tmp_path):
    (tmp_path / "rows.json").write_text("[[1, 2]]")
    done = run("register", "model.bin", "rows.json", "-n", "two", "--sample", "@rows.json")
    assert "sample: " in done.stdout, done.stderr
    wrong = run("register", "model.bin", "-n", "two", "--sample", "rows.json")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "write '@rows.json' for the file" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["servce"], 2, "error: 'servce' is not a verb. Did you mean 'service'?"),
        (["deploy", "s", "--memry", "1"], 2, "Did you mean '--memory'?"),
        (["service", "run"], 2, "error: SERVICE is missing"),
        (["model", "show", "nobody"], 1, "error: "),
        (["model", "list", "--query", "["], 2, "is not JMESPath"),
        (["register", "nope.bin", "-n", "x"], 1, "'nope.bin'"),
        (["service", "logs", "nobody"], 1, "'nobody'"),
    ],
)
def test_errors_are_one_line_with_the_way_out(run, words, code, told):
    done = run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr


def test_debug_shows_the_traceback(run):
    assert "Traceback" in run("model", "show", "nobody", "--debug").stderr


def test_help_and_version(run):
    assert "service list" in run("--help").stdout
    assert "service list" in run().stdout
    assert "--tail" in run("service", "logs", "--help").stdout
    assert "model register" not in run("service", "--help").stdout
    assert run("--version").stdout.startswith("mlmagic ")


def test_settings_and_workspace(run, tmp_path):
    (tmp_path / "mlmagic.toml").write_text('default_target = "docker"\n')
    rows = json.loads(run("config", "-o", "json").stdout)
    assert {r["name"]: r["origin"] for r in rows}["default_target"] == "mlmagic.toml"
    assert run("workspace", "create", "sub", "-n", "other").returncode == 0
    assert json.loads(run("workspace", "show", "-o", "json").stdout)["root"] == str(tmp_path)
    (tmp_path / "mlmagic.toml").write_text("defalt_target = 1\n")
    wrong = run("model", "list")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "Did you mean 'default_target'" in wrong.stderr


@pytest.mark.parametrize("text", ["defalt_target = 1\n", "start_timeout_seconds = 0", "= nothing"])
def test_wrong_settings_are_examined_all_the_same(run, tmp_path, text):
    (tmp_path / "mlmagic.toml").write_text(text)
    shown = run("config", MLMAGIC_OUTPUT="xml")
    assert shown.returncode == 0, shown.stderr
    told = run("model", "list", "-o", "json").stderr.removeprefix("error: ").strip()
    assert told in shown.stdout
    assert "The setting 'output' is 'xml' (MLMAGIC_OUTPUT), but must be one of" in shown.stdout
    checks = json.loads(run("doctor", "-o", "json").stdout)
    settings = next(each for each in checks["checks"] if each["name"] == "settings")
    assert (checks["healthy"], settings["state"], settings["advice"]) == (False, "missing", told)


def test_the_doctor(run):
    done = run("doctor")
    assert done.returncode == 0, done.stderr
    assert "uv" in done.stdout
    checks = json.loads(run("doctor", "-o", "json").stdout)
    assert checks["healthy"] is True


def test_quickstart(run, tmp_path):
    done = run("quickstart", "demo")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "demo").glob("*.ipynb"))
    assert f"next: jupyter lab {tmp_path}/demo/diabetes.ipynb" in done.stdout


def test_a_reader_that_leaves_early_is_no_error(run, tmp_path):
    command = f"{sys.executable} -m mlmagic --help | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: mlmagic")
    assert done.stderr == ""


SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return len(raw_data)\n"


def test_a_service_from_a_shell(run, tmp_path):
    (tmp_path / "echo.py").write_text(SCRIPT)
    (tmp_path / "body.json").write_text("[1]")
    deploy = ("deploy", "echo-svc", "--script", "echo.py")
    try:
        done = run(*deploy)
        assert done.returncode == 0, done.stderr
        assert "Healthy" in done.stdout
        assert "Transitioning" in done.stderr
        assert run("service", "run", "echo-svc", "-d", "@body.json").stdout == "3\n"
        assert run("service", "run", "echo-svc", "-d", "-", stdin="12345").stdout == "5\n"
        listed = run("services", "-o", "json", PYTHONPROFILEIMPORTTIME="1")
        assert json.loads(listed.stdout)[0]["state"] == "Healthy"
        # Fast: no client of another target, no database, nothing of Jupyter.
        imported = {line.rpartition("|")[2].strip() for line in listed.stderr.splitlines()}
        assert "psutil" in imported
        others = {"docker", "kubernetes", "sqlalchemy", "alembic", "IPython", "numpy", "asyncio"}
        assert not imported & others
        again = run(*deploy, CI="true")
        assert again.stdout.startswith("echo-svc  unchanged (same specification)\n")
        assert again.stderr == ""
        assert "config.workers: 1 → 2" in run(*deploy, "--workers", "2", "--plan").stdout
        keys = json.loads(run("service", "keys", "echo-svc", "-o", "json").stdout)
        assert set(keys) == {"primaryKey", "secondaryKey"}
        assert run("service", "regen-key", "echo-svc", "-k", "primary").returncode == 0
        stopped = run("service", "stop", "echo-svc").stdout
        assert "mlmagic service start echo-svc" in stopped
    finally:
        assert run("service", "delete", "echo-svc").stdout == "echo-svc  deleted\n"


def test_a_service_that_is_not_healthy_is_exit_code_3(run, tmp_path):
    (tmp_path / "broken.py").write_text(SCRIPT.replace("pass", "raise ValueError('no luck')"))
    try:
        done = run("deploy", "broken", "--script", "broken.py")
        assert (done.returncode, done.stdout) == (3, "")
        assert "InitFailed" in done.stderr
        assert "broken.py:2, in init()" in done.stderr
    finally:
        run("service", "delete", "broken")


def on_a_terminal(tmp_path, *words):
    """Run the command with a terminal as standard output, and return what it wrote."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlmagic", *words],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"},
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    written = b""
    with os.fdopen(master, "rb", buffering=0) as stream:
        while True:
            try:
                part = stream.read(4096)
            except OSError:  # Linux says so that the other end is closed
                break
            if not part:  # macOS says it so
                break
            written += part
    process.wait(timeout=60)
    return written.decode()


def test_colours_are_for_terminals(run, tmp_path):
    run("register", "model.bin", "-n", "tiny")
    assert '\x1b[34m"name"\x1b[0m:' in on_a_terminal(
        tmp_path, "model", "show", "tiny", "-o", "jsonc"
    )
    assert "\x1b" not in run("model", "show", "tiny", "-o", "jsonc").stdout
    assert "\x1b[31m\x1b[1merror:" in on_a_terminal(tmp_path, "model", "show", "nobody")


def test_what_is_not_done_as_asked_stays_on_a_terminal_and_is_told_under_ci(run, tmp_path):
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / "dc.yml").write_text("computeType: local\nappInsightsEnabled: true\n")
    line = ("deploy", "svc", "--script", "score.py", "--dc", "dc.yml", "--plan")
    told = "'appInsightsEnabled' is accepted, but not used"
    whole = next(part for part in on_a_terminal(tmp_path, *line).split("\n") if told in part)
    assert whole.endswith("its log.\r")
    assert told in run(*line, CI="true").stderr
    assert told not in run(*line, "--only-show-errors", CI="true").stderr
