"""How a server starts, or tells why it does not."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import mlmagic
from mlmagic.scoring.listening import open_listener
from mlmagic.scoring.supervisor import listener as supervisor
from tests.scoring.conftest import PATIENCE, SCRIPTS, RunningServer, environment, wait_for

CHECKOUT = Path(__file__).parent.parent.parent
INSTALLED = str(Path(mlmagic.__file__).parent.parent)
Serve = Callable[..., RunningServer]


@pytest.mark.parametrize(
    ("script", "reason", "words"),
    [
        ("missing", "ScriptNotFound", "does not exist"),
        ("syntax_error", "ScriptSyntaxError", "expected ':'"),
        ("import_fails", "ScriptImportFailed", "no_such_module_anywhere"),
        ("no_init", "ScriptContractError", "no function init()"),
        ("no_run", "ScriptContractError", "no function run()"),
        ("init_with_argument", "ScriptContractError", "init() that takes arguments"),
        ("run_without_argument", "ScriptContractError", "takes no data"),
        ("run_with_stars", "ScriptContractError", "'data'"),
        ("init_raises", "InitFailed", "JSONDecodeError"),
        ("init_exits", "ScriptExited", "SystemExit: 0"),
        ("init_out_of_memory", "OutOfMemory", "no room for the model"),
    ],
)
def test_reasons(serve: Serve, script: str, reason: str, words: str) -> None:
    status = serve(script, "--check").failed()
    assert (status["stage"], status["reason"]) == ("failed", reason)
    assert words in status["message"]


def test_a_failing_server_ends(serve: Serve) -> None:
    server = serve("init_raises", "--generation", "5")
    status = server.failed()
    assert status["generation"] == 5
    assert status["exception"].startswith("json.decoder.JSONDecodeError: ")
    first, second, *below = status["frames"]
    assert first == {
        "file": "init_raises.py",
        "line": 5,
        "function": "init",
        "code": 'load("not json")',
    }
    assert (second["line"], second["function"]) == (9, "load")
    assert below[-1]["file"].endswith("json/decoder.py")
    assert not any("mlmagic" in frame["file"] for frame in status["frames"])
    assert "importlib" not in server.log


def test_syntax_error_has_its_line(serve: Serve) -> None:
    (frame,) = serve("syntax_error", "--check").failed()["frames"]
    assert (frame["file"], frame["line"]) == ("syntax_error.py", 5)
    assert frame["code"] == "def run(raw_data)"


def test_failure_file_is_written_in_place_and_short(serve: Serve, tmp_path: Path) -> None:
    script = tmp_path / "deep.py"
    lines = [f"def f{n}():\n    f{n + 1}()  # {'x' * 90}" for n in range(60)]
    script.write_text(
        "\n".join([*lines, "def f60():\n    raise ValueError('deep' * 1000)\n"])
        + "\ndef init():\n    f0()\n\ndef run(data):\n    return 1\n"
    )
    file = tmp_path / "termination-log"
    file.touch()
    before = file.stat().st_ino
    serve(str(script), "--failure-file", str(file)).failed()
    report = json.loads(file.read_text())
    assert file.stat().st_ino == before
    assert file.stat().st_size <= 4096
    assert report["reason"] == "InitFailed"
    assert report["message"].startswith("ValueError: deepdeep")
    assert report["frames"][-1]["function"] == "f60"


def test_the_log_says_what_is_ready(serve: Callable[..., RunningServer]) -> None:
    server = serve("echo", "--service-name", "diabetes").ready()
    told = rf"Ready: diabetes on http://127\.0\.0\.1:{server.port} \(init \d\.\d\d s, 1 worker, thr"
    wait_for(lambda: re.search(told, server.log), "the line")


def test_stages_before_ready(serve: Serve, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server = serve("init_waits_for_file", WAIT_FOR=str(gate)).listening()
    wait_for(lambda: server.status["stage"] == "init", "init")
    for path in ("/", "/ready"):
        answer = server.ask("GET", path)
        assert (answer.status, answer.json["stage"]) == (503, "init")
    assert server.ask("GET", "/live").status == 200
    assert server.ask(body=b"x").status == 503
    gate.touch()
    assert server.ready().ask("GET", "/").status == 200
    server.ask(body=b"x")
    wait_for(lambda: "POST /score 200" in server.log, "an access line")
    for line in server.log.splitlines():  # what probes ask leaves no lines
        assert not any(f"GET {path} " in line for path in ("/", "/ready", "/live"))
    assert server.status["init_seconds"] > 0


def test_sample(serve: Serve, tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text('{"data": [1]}')
    status = serve("echo", "--sample", str(sample)).ready().status
    assert json.loads(status["sample_result"]) == {"got": '{"data": [1]}'}
    assert status["sample_ms"] >= 0


@pytest.mark.parametrize("script", ["run_raises", "run_exits", "run_returns_unserialisable"])
def test_failing_sample(serve: Serve, tmp_path: Path, script: str) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text("0")
    assert serve(script, "--sample", str(sample)).failed()["reason"] == "SampleFailed"


def check(script: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlmagic.scoring", "--check", *options, script]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=folder, check=False
    )


def test_check_tells_programs_the_status(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    done = check(str(SCRIPTS / "run_prints.py"), tmp_path, "--status-file", str(file))
    status = json.loads(done.stdout)
    assert (done.returncode, status["stage"], status["port"]) == (0, "ready", None)
    assert status == json.loads(file.read_text())
    assert "printed in init" in done.stderr


def test_check_tells_people_what_the_service_would_do(tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text("[1]")
    done = check(str(SCRIPTS / "echo.py"), tmp_path, "--sample", "sample.json")
    told = {line[:12].strip(): line[12:] for line in done.stdout.splitlines()}
    assert told["result"] == "would serve"
    assert told["run gets"] == "the request's body as text"
    assert told["sample"].endswith('ms -> {"got": "[1]"}')
    assert told["documents"] == "2, 3, 3.1"
    assert told["address"] == "http://127.0.0.1:5001/score, without keys"


def test_check_tells_people_why_it_would_not(tmp_path: Path) -> None:
    done = check(str(SCRIPTS / "init_raises.py"), tmp_path)
    assert done.returncode == 3
    assert "would not start: InitFailed" in done.stdout
    assert 'init_raises.py, line 5, in init: load("not json")' in done.stdout


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_all_addresses_are_those_of_ipv4_and_ipv6(serve_source: Serve) -> None:
    """Pods of some clusters have addresses of IPv6 alone."""
    source = """
        from azureml.contrib.services.aml_request import rawhttp

        def init():
            pass

        @rawhttp
        def run(request):
            return request.remote_addr
    """
    server = serve_source(source, "--address", "::", "--auth", "none").ready()
    assert f"Listening on http://[::]:{server.port}" in server.log
    for host in ("127.0.0.1", "::1"):
        connection = http.client.HTTPConnection(host, server.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", "/score", body=b"")
            assert json.loads(connection.getresponse().read()) == host


def test_without_ipv6_all_addresses_are_those_of_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    for listener in (open_listener("::", 0), supervisor.open_listener("::", 0).socket):
        with listener:
            assert listener.getsockname()[0] == "0.0.0.0"


def test_port_in_use(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        status = serve("echo", "--port", str(other.getsockname()[1])).failed()
    assert status["reason"] == "PortInUse"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--address", "0.0.0.0"], "choose --auth key or none"),
        (["--auth", "key"], "--keys-file"),
        (["--auth", "key", "--keys-file", "nowhere.json"], "nowhere.json"),
    ],
)
def test_wrong_configuration(serve: Serve, options: list[str], words: str) -> None:
    status = serve("echo", *options).failed()
    assert status["reason"] == "ConfigurationError"
    assert words in status["message"]


def test_user_modules_win(serve: Serve, tmp_path: Path) -> None:
    """Neither our modules nor those of our libraries shadow a user's, nor theirs ours."""
    app = tmp_path / "app"
    source = app / "src"
    source.mkdir(parents=True)
    (app / "settings.py").write_text("raise RuntimeError('not for the server')")
    (app / "queue.py").write_text("raise RuntimeError('not for the server')")
    (source / "utils.py").write_text("NAME = 'source'")
    (app / "utils.py").write_text("NAME = 'root'")
    (app / "other.py").write_text("NAME = 'other'")
    (source / "score.py").write_text(
        "import utils, other, os\ndef init(): pass\n"
        "def run(data): return [utils.NAME, other.NAME, os.getcwd()]\n"
    )
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "utils.py").write_text("NAME = 'shadow'")
    server = serve(
        str(source / "score.py"),
        *("--app-root", str(app)),
        AZUREML_SOURCE_DIRECTORY="src",
        PYTHONPATH=str(shadow),
    )
    assert server.ready().ask(body=b"x").json == ["source", "other", str(app)]


def test_a_users_module_may_be_named_as_a_library_of_the_server(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "uvicorn.py").write_text("NAME = 'mine'")
    (tmp_path / "logging.py").write_text("NAME = 'not for anybody'")
    package = tmp_path / "click"
    package.mkdir()
    (package / "__init__.py").write_text("NAME = 'mine too'")
    script = tmp_path / "score.py"
    script.write_text(
        "import click, logging, uvicorn\ndef init(): pass\n"
        "def run(data): return [uvicorn.NAME, click.NAME, logging.getLogger('a').name]\n"
    )
    server = serve(str(script), "--app-root", str(tmp_path))
    assert server.ready().ask(body=b"x").json == ["mine", "mine too", "a"]
    server.close()


def test_runs_as_it_travels(tmp_path: Path) -> None:
    """With nothing of mlmagic but this folder on the path, and none of its other requirements."""
    travelling = tmp_path / "runtime" / "mlmagic" / "scoring"
    shutil.copytree(CHECKOUT / "mlmagic" / "scoring", travelling)
    code = (
        "import sys\n"
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in str(f)]\n"
        f"sys.path[:0] = [{str(travelling.parent.parent)!r}]\n"
        f"sys.path = [p for p in sys.path if p not in ('', {str(CHECKOUT)!r}, {INSTALLED!r})]\n"
        "import mlmagic.scoring.command as c\n"
        f"assert c.__file__.startswith({str(travelling)!r}), c.__file__\n"
        "code = c.main(sys.argv[1:])\n"
        "foreign = {'msgspec', 'psutil', 'IPython', 'sqlalchemy'} & set(sys.modules)\n"
        "assert not foreign, foreign\n"
        "sys.exit(code)\n"
    )
    command = [sys.executable, "-P", "-c", code, "--check", "--entry-script"]
    command += [str(SCRIPTS / "echo.py")]
    options = {"env": environment(), "cwd": tmp_path, "capture_output": True, "text": True}
    done = subprocess.run(command, **options, check=False)
    assert done.returncode == 0, done.stderr
