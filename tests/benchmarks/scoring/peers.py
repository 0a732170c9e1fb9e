"""The servers: how each is installed, given its work, started and asked."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.scoring import work
from tests.scoring.differential.environments import AZMLINFSRV, environment, island
from tests.scoring.differential.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.scoring.work import Work

_PATIENCE = 60.0
_SKLEARN = ("numpy", "scikit-learn")


@dataclass(frozen=True)
class Peer:
    """One server.

    Attributes:
        files: Files of its application besides ``work.py``.
        command: Its command line, without the environment's folder.
        body: Wraps a request's body.
    """

    name: str
    requirements: tuple[str, ...]
    files: dict[str, str]
    command: Callable[[Path, int], list[str]]
    path: str = "/score"
    health: str = "/"
    body: Callable[[bytes], bytes] = bytes
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def home(self) -> Path:
        """Folder of its environment; made where there is none."""
        return environment(self.requirements)


def ours(
    name: str = "mlmagic", entry: str = work.ENTRY, *options: str, also: tuple[str, ...] = ()
) -> Peer:
    """Return our server, in azmlinfsrv's environment, with other packages too."""

    def command(home: Path, port: int) -> list[str]:
        told = [str(home / "bin" / "python"), "-m", "mlmagic.scoring", "--entry-script", "score.py"]
        return [*told, "--port", str(port), *options]

    variables = (("PYTHONPATH", str(_ISLAND)),)
    return Peer(name, (*AZMLINFSRV, *also), {"score.py": entry}, command, variables=variables)


def _as_v2(body: bytes) -> bytes:
    tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "data": [body.decode()]}
    return json.dumps({"inputs": [tensor]}).encode()


_ISLAND = island()
THEIRS = Peer(
    "azmlinfsrv",
    AZMLINFSRV,
    {"score.py": work.ENTRY},
    lambda home, port: [
        str(home / "bin/azmlinfsrv"),
        "--entry_script",
        "score.py",
        "--port",
        str(port),
    ],
)
FASTAPI = Peer(
    "FastAPI",
    ("fastapi", "uvicorn[standard]", *_SKLEARN),
    {"app.py": work.FASTAPI},
    lambda home, port: [str(home / "bin/uvicorn"), "app:app", "--port", str(port)],
)
ROBYN = Peer(
    "robyn",
    ("robyn", *_SKLEARN),
    {"app.py": work.ROBYN},
    lambda home, _: [str(home / "bin/python"), "app.py"],
)
MLSERVER = Peer(
    "MLServer",
    ("mlserver", *_SKLEARN),
    {
        "model.py": work.MLSERVER,
        "model-settings.json": '{"name": "m", "implementation": "model.Model"}',
    },
    lambda home, _: [str(home / "bin/mlserver"), "start", "."],
    path="/v2/models/m/infer",
    health="/v2/health/ready",
    body=_as_v2,
    variables=(("MLSERVER_PARALLEL_WORKERS", "0"), ("MLSERVER_HOST", "127.0.0.1")),
)


def prepare(peer: Peer, work_: Work, folder: Path) -> None:
    """Put a server's files, and its model, into a folder."""
    for name, text in (peer.files | {"work.py": work_.code}).items():
        (folder / name).write_text(text)
    if work_.model:
        shutil.copy(_model(work_.model, peer.home), folder / "model.pkl")


class Running:
    """A server of some work.

    Attributes:
        seconds: From the start of its process to its first answer.
    """

    def __init__(self, peer: Peer, work_: Work) -> None:
        self.peer = peer
        self.body = peer.body(work_.body)
        self.folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
        self.port = free_port()
        prepare(peer, work_, self.folder)
        self.process, self.seconds = self._start()

    @property
    def url(self) -> str:
        """Where it scores."""
        return f"http://127.0.0.1:{self.port}{self.peer.path}"

    def _start(self) -> tuple[subprocess.Popen[bytes], float]:
        told = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PORT": str(self.port)}
        told |= {"MLSERVER_HTTP_PORT": str(self.port), **dict(self.peer.variables)}
        told |= {"MLSERVER_GRPC_PORT": str(free_port()), "MLSERVER_METRICS_PORT": str(free_port())}
        command = self.peer.command(self.peer.home, self.port)
        began = time.perf_counter()
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=told, stdout=log, stderr=log, start_new_session=True
            )
        while time.perf_counter() - began < _PATIENCE and process.poll() is None:
            if self.is_healthy():
                return process, time.perf_counter() - began
            time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise RuntimeError(
            f"{self.peer.name} did not start: {(self.folder / 'log').read_text()[-800:]}"
        )

    def is_healthy(self) -> bool:
        """Whether it says so."""
        try:
            with urllib.request.urlopen(self._health_url, timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def _health_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.peer.health}"

    def mebibytes(self) -> float:
        """Resident memory of it and its children."""
        import psutil

        parent = psutil.Process(self.process.pid)
        family = [parent, *parent.children(recursive=True)]
        return sum(each.memory_info().rss for each in family) / 2**20

    def stop(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


_models: dict[tuple[str, Path], Path] = {}


def _model(kind: str, home: Path) -> Path:
    """Make a model with the libraries of an environment."""
    if (kind, home) not in _models:
        folder = Path(tempfile.mkdtemp(prefix="model-"))
        (folder / "make.py").write_text(work.MODEL)
        python = str(home / "bin" / "python")
        subprocess.run([python, "make.py", kind], cwd=folder, check=True, stdout=sys.stderr)
        _models[kind, home] = folder / "model.pkl"
    return _models[kind, home]
