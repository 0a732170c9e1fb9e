"""Real servers and supervisors on real sockets."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPTS = Path(__file__).parent.parent / "data" / "scripts"
# What ends a test that hangs; a machine under load is slow, not wrong.
PATIENCE = 120.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail(f"did not happen: {what}")


def read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}


def environment(**variables: str) -> dict[str, str]:
    return dict(os.environ) | variables


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks on a connection of its own each time."""

    port: int

    def ask(
        self,
        method: str = "POST",
        path: str = "/score",
        body: bytes | str | None = None,
        **headers: str,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=names)
            return Answer(connection.getresponse())
        finally:
            connection.close()


class RunningServer(Client):
    def __init__(self, script: str, folder: Path, *options: str, **variables: str) -> None:
        self.status_file = folder / "status.json"
        self.log_file = folder / "server.log"
        path = SCRIPTS / f"{script}.py" if "/" not in script else Path(script)
        command = [sys.executable, "-m", "mlmagic.scoring", "--entry-script", str(path)]
        command += ["--port", "0", "--app-root", str(path.parent)]
        command += ["--status-file", str(self.status_file), *options]
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=folder, env=environment(**variables)
            )

    @property
    def status(self) -> dict[str, Any]:
        return read_json(self.status_file)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def ready(self) -> RunningServer:
        wait_for(lambda: self.status.get("stage") in ("ready", "failed"), "a start")
        assert self.status["stage"] == "ready", self.log
        self.port = self.status["port"]
        return self

    def listening(self) -> RunningServer:
        self.port = wait_for(lambda: self.status.get("port"), "a port")
        return self

    def failed(self) -> dict[str, Any]:
        assert self.process.wait(PATIENCE) == 3, self.log
        return self.status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Start a server with a script of tests/data/scripts."""
    servers: list[RunningServer] = []

    def start(script: str, *options: str, **variables: str) -> RunningServer:
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        servers.append(RunningServer(script, folder, *options, **variables))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def serve_source(
    serve: Callable[..., RunningServer], tmp_path: Path
) -> Callable[..., RunningServer]:
    """Start a server with a script that the test holds as text."""

    def start(source: str, *options: str, **variables: str) -> RunningServer:
        folder = tmp_path / "app"
        folder.mkdir(exist_ok=True)
        # Else the script before is run, where it has this size and was written in this second.
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        (folder / "score.py").write_text(textwrap.dedent(source))
        return serve(str(folder / "score.py"), *options, **variables)

    return start


def needs(*modules: str) -> pytest.MarkDecorator:
    """Skip where a package is missing that users' scripts bring."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


class Supervised(Client):
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.desired_file = directory / "desired.json"
        self.process: subprocess.Popen[bytes] | None = None
        self.generation = 0

    @property
    def state(self) -> dict[str, Any]:
        return read_json(self.directory / "state.json")

    @property
    def log(self) -> str:
        return (self.directory / "service.log").read_text()

    @property
    def pids(self) -> list[int]:
        return [worker["pid"] for worker in self.state.get("workers", []) if worker["pid"]]

    def desire(self, script: str, *options: str, **values: Any) -> None:
        self.generation += 1
        variables = values.pop("variables", {})
        entry = str(SCRIPTS / f"{script}.py")
        content = {
            "format": 1,
            "generation": self.generation,
            "prepare": None,
            "command": [
                sys.executable,
                "-m",
                "mlmagic.scoring",
                "--entry-script",
                entry,
                *options,
            ],
            "environment": environment(**variables),
            "cwd": str(SCRIPTS),
            "workers": 1,
            "address": "127.0.0.1",
            "port": 0,
            "memory_bytes": None,
            "cpus": None,
            "start_timeout_seconds": 60,
            "stop_grace_seconds": 60,
        }
        self.desired_file.write_text(json.dumps(content | values))

    def start(self, *python: str) -> Supervised:
        command = [sys.executable, *(python or ("-m", "mlmagic.scoring.supervisor"))]
        command.append(str(self.directory))
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, cwd=self.directory, env=environment()
        )
        return self

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def update(self, script: str, *options: str, **values: Any) -> None:
        self.desire(script, *options, **values)
        self.signal(signal.SIGHUP)

    def reach(self, **values: Any) -> dict[str, Any]:
        """Wait until the state has these values."""

        def reached() -> dict[str, Any] | None:
            state = self.state
            return state if all(state.get(name) == each for name, each in values.items()) else None

        found: dict[str, Any] = wait_for(reached, f"{values}, but {self.state}")
        self.port = found["port"]
        return found

    def failure(self) -> dict[str, Any]:
        """Wait for the end of a service that cannot be served."""
        assert self.process is not None
        assert self.process.wait(PATIENCE) == 1, self.log
        assert self.state["phase"] == "failed"
        assert self.state["workers"] == []
        return self.state["failure"]

    def close(self) -> None:
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    """A supervisor, not started."""
    directory = tmp_path / "service"
    directory.mkdir()
    service = Supervised(directory)
    yield service
    service.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
