"""Images and edits beside other tools' Dockerfiles: ``python -m tests.benchmarks.images [ROUNDS]``.

The Dockerfiles have the order of what the tools write - Cog and BentoML install before they copy
the code, mlflow's copies the model with its code first - and install the same locked packages from
the same base with pip. The engine's own builder builds them. Their server is the standard
library's, which starts sooner than those of the tools. All take turns, round by round, with
``docker run`` of the same imports, that says how busy the machine is. Printed, never judged.
"""

from __future__ import annotations

import ensurepip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tests.benchmarks.__main__ import SCRIPT, scratch_workspace, seconds, tell
from tests.engine.registry import Registry, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
NAME = "mlmagic-bench"
UP = Path(__file__).parents[1] / "engine" / "up"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
IMPORTS = "import pandas, sklearn.linear_model, skops.io"
WITH_PIP = """
FROM {base}
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 \\
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore
COPY pip-*.whl /tmp/
RUN PYTHONPATH=$(echo /tmp/pip-*.whl) python3 -m pip install -q --no-index /tmp/pip-*.whl
"""
DOCKERFILES = {
    "as Cog": """
FROM {pip}
COPY requirements.txt /tmp/requirements.txt
RUN pip install -q --no-deps -r /tmp/requirements.txt
WORKDIR /src
COPY src /src
CMD ["python3", "/src/serve.py"]
""",
    "as BentoML": """
FROM {pip}
WORKDIR /home/bentoml/bento
COPY requirements.txt ./env/python/requirements.txt
RUN pip install -q --no-deps -r ./env/python/requirements.txt
COPY src ./src
CMD ["python3", "src/serve.py"]
""",
    "as mlflow": """
FROM {pip}
COPY src /opt/ml/model
COPY requirements.txt /opt/ml/model/requirements.txt
RUN pip install -q --no-deps --no-cache-dir -r /opt/ml/model/requirements.txt
CMD ["python3", "/opt/ml/model/serve.py"]
""",
}
THEIR_SCRIPT = """
import json
from pathlib import Path

import pandas as pd
from skops import io


def init():
    global model
    model = io.load(Path(__file__).parent / "model.skops")


def run(raw_data):
    return model.predict(pd.DataFrame(json.loads(raw_data)["data"])).tolist()  # {change}
"""
THEIR_SERVER = """
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import score


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        answer = json.dumps(score.run(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.encode())


server = ThreadingHTTPServer(("0.0.0.0", 5001), Handler)
score.init()
server.serve_forever()
"""


class Contestant(Protocol):
    """What can be measured of a tool."""

    name: str
    image: str

    def build(self, change: int) -> None:
        """Have the engine get the image of a script."""

    def push(self, change: int) -> None:
        """Have a registry get the image of a script."""

    def edit(self, change: int) -> None:
        """Let a changed script answer in a container."""


class Ours:
    """Images of mlmagic, and services on the engine."""

    name = "mlmagic"
    image = ""

    def __init__(self, workspace: Any, registry: str, base: str) -> None:
        self.until_started: list[float] = []  # seconds of each edit
        self._workspace = workspace
        self._pushed = f"{registry}/ours:1"
        self._base = f"{registry}/base:1"
        _docker("tag", base, self._base)
        _docker("push", "-q", self._base)
        _docker("rmi", self._base)

    def _package(self, change: int, **options: str) -> Any:
        self._capture(change)
        given = {"script": "score.py", "to": "image", "auth": "none", **options}
        return self._workspace.package_models(["diabetes"], **given)

    def _capture(self, change: int) -> None:
        script = SCRIPT.format(change=change)
        self._workspace.capture_script(script, models=("diabetes",), trial=False)

    def build(self, change: int) -> None:
        self.image = self._package(change).image_id

    def push(self, change: int) -> None:
        with no_engine():
            self._package(change, push=self._pushed, base_image=self._base)

    def edit(self, change: int) -> None:
        begun = time.time()
        self._capture(change)
        service = self._workspace.deploy(
            "contained", models=("diabetes",), script="score.py", target="docker", wait=True
        )
        newest = max(replica.started_at for replica in service.status.replicas)
        self.until_started.append(newest.timestamp() - begun)


class Theirs:
    """A Dockerfile, in a folder with the code and the model."""

    def __init__(self, name: str, folder: Path, registry: str) -> None:
        self.name = name
        self.image = f"{NAME}/{name.rpartition(' ')[2].lower()}"
        self._folder = folder
        self._built = False
        self._pushed = f"{registry}/{self.image}:1"
        self._dockerfile = DOCKERFILES[name].format(pip=f"{NAME}/pip") + f"LABEL {NAME}=1\n"

    def build(self, change: int) -> None:
        (self._folder / "src" / "score.py").write_text(THEIR_SCRIPT.format(change=change))
        _build(self._folder, self._dockerfile, self.image, *([] if self._built else ["--no-cache"]))
        self._built = True

    def push(self, change: int) -> None:
        self.build(change)
        _docker("tag", self.image, self._pushed)
        _docker("push", "-q", self._pushed)
        _docker("rmi", self._pushed)

    def edit(self, change: int) -> None:
        self.build(change)
        start(self.image)


def start(image: str) -> None:
    """Start a container and wait for its first answer."""
    with suppress(SystemExit):
        _docker("rm", "-f", NAME)
    port = free_port()
    _docker("run", "-d", "--name", NAME, "-p", f"127.0.0.1:{port}:5001", image)
    row = dict.fromkeys(("age", "sex", "bmi", "bp", *(f"s{n}" for n in range(1, 7))), 0.1)
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/score", json.dumps({"data": [row]}).encode()
    )
    while True:
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                answer.read()
        except OSError:
            time.sleep(0.02)
        else:
            return


@contextmanager
def no_engine() -> Iterator[None]:
    """Let no engine be reached."""
    os.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    try:
        yield
    finally:
        del os.environ["DOCKER_HOST"]


def write_context(folder: Path, requirements: str, base: str) -> None:
    """Write what the Dockerfiles copy, and build what they stand on."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge
    from skops import io

    for wheel in (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"):
        shutil.copy(wheel, folder)
    (folder / "ca.crt").write_bytes(CERTIFICATES.read_bytes())
    (folder / "requirements.txt").write_text(requirements)
    (folder / "src").mkdir()
    (folder / "src" / "serve.py").write_text(THEIR_SERVER)
    io.dump(
        Ridge(alpha=0.5).fit(*load_diabetes(return_X_y=True, as_frame=True)),
        folder / "src" / "model.skops",
    )
    _build(folder, WITH_PIP.format(base=base), f"{NAME}/pip")


def measure(ours: Ours, theirs: list[Theirs], rounds: int) -> None:
    """Let them take turns."""
    contestants: list[Contestant] = [ours, *theirs]
    for each in contestants:
        tell(f"{each.name}: image from nothing", [seconds(lambda each=each: each.build(0))])
        each.push(0)
        each.edit(0)
    rows = {
        "image, nothing changed": lambda each, _: each.build(0),
        "edit -> an answer in a container": lambda each, change: each.edit(change),
        "edit -> image in a registry": lambda each, change: each.push(change),
        "container started from the image -> an answer": lambda each, _: start(each.image),
    }
    taken: dict[tuple[str, str], list[float]] = {}
    alone: list[float] = []
    for turn in range(rounds):
        for place, (row, action) in enumerate(rows.items()):
            for each in contestants:
                change = 1 + turn * len(rows) + place
                taken.setdefault((each.name, row), []).append(
                    seconds(lambda each=each, change=change, action=action: action(each, change))
                )
                _docker("rm", "-f", NAME)
            alone.append(seconds(lambda: _imports_alone(ours.image)))
    tell("docker run of the imports, nothing else", alone)
    tell("mlmagic: of an edit, until the new container starts", ours.until_started[1:])
    for (name, row), times in sorted(taken.items(), key=lambda each: each[0][1]):
        tell(f"{name}: {row}", times)
    for each in contestants:
        size = _docker("image", "inspect", "--format", "{{.Size}}", each.image)
        tell(f"{each.name}: size of the image", [int(size) / 1e6], "MB")


def _imports_alone(image: str) -> None:
    _docker("run", "--rm", "--entrypoint", "/opt/mlmagic/venv/bin/python", image, "-c", IMPORTS)


def _build(folder: Path, dockerfile: str, tag: str, *options: str) -> None:
    (folder / "Dockerfile").write_text(dockerfile.lstrip())
    _docker("build", "-q", "-t", tag, *options, str(folder))


def _docker(*arguments: str) -> str:
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}  # Debian has no BuildKit
    ran = subprocess.run(
        ["docker", *arguments], check=False, capture_output=True, text=True, env=environment
    )
    if ran.returncode:
        raise SystemExit(f"docker {' '.join(arguments)}:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as after an installation: compiled
    up = subprocess.run([UP], check=True, capture_output=True, text=True)
    base = os.environ["MLMAGIC_BASE_IMAGE"] = up.stdout.split()[-1]
    with tempfile.TemporaryDirectory(prefix="mlmagic-bench-") as folder:
        registry = Registry(Path(folder) / "registry").start()
        try:
            with scratch_workspace() as workspace:
                needed = ("scikit-learn", "skops")
                environment = workspace.environments.capture(
                    {"pandas"}, requirements=needed, name="b"
                )
                context = Path(folder) / "context"
                context.mkdir()
                lock = workspace.environments.lock(environment)
                write_context(context, lock.text, base)
                theirs = [Theirs(name, context, registry.address) for name in DOCKERFILES]
                measure(Ours(workspace, registry.address, base), theirs, rounds)
        finally:
            registry.stop()
            _forget()


def _forget() -> None:
    """Remove what was made for the others; mlmagic removes its own."""
    images = _docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    ours = [name for name in images if name.startswith(f"{NAME}/")]
    prune = ("image", "prune", "-f", "--filter", f"label={NAME}")
    for command in (("rm", "-f", NAME), ("rmi", "-f", *ours), prune):
        with suppress(SystemExit):
            _docker(*command)


if __name__ == "__main__":
    main()
