"""Images beside those that other tools' Dockerfiles make: ``python -m tests.benchmarks.images``.

The Dockerfiles have the order of what the tools write - Cog and BentoML install before they copy
the code, mlflow's copies the model with its code first - and install the same locked packages from
the same base with pip. The engine's own builder builds them. Printed, never judged.
"""

from __future__ import annotations

import ensurepip
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.__main__ import SCRIPT, scratch_workspace, seconds, tell
from tests.engine.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS = 5
UP = Path(__file__).parents[1] / "engine" / "up"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
WITH_PIP = """
FROM {base}
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 \\
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore
COPY pip-*.whl /tmp/
RUN PYTHONPATH=$(echo /tmp/pip-*.whl) python3 -m pip install -q --no-index /tmp/pip-*.whl
"""
DOCKERFILES = {
    "Cog": """
FROM {pip}
COPY requirements.txt /tmp/requirements.txt
RUN pip install -q --no-deps -r /tmp/requirements.txt
WORKDIR /src
COPY src /src
""",
    "BentoML": """
FROM {pip}
WORKDIR /home/bentoml/bento
COPY requirements.txt ./env/python/requirements.txt
RUN pip install -q --no-deps -r ./env/python/requirements.txt
COPY src ./src
""",
    "mlflow": """
FROM {pip}
COPY src /opt/ml/model
COPY requirements.txt /opt/ml/model/requirements.txt
RUN pip install -q --no-deps --no-cache-dir -r /opt/ml/model/requirements.txt
""",
}


def ours(workspace: Any, registry: str, base: str) -> None:
    """Measure packages of a service, made on this machine and loaded by the engine, or pushed."""

    def package(change: int, **options: str) -> Any:
        workspace.capture_script(SCRIPT.format(change=change), models=("diabetes",), trial=False)
        return workspace.package_models(["diabetes"], script="score.py", to="image", **options)

    tell("mlmagic: image from nothing (uv's cache warm)", [seconds(lambda: package(0))])
    times = [seconds(lambda n=n: package(n + 1)) for n in range(REPEATS)]
    tell("mlmagic: script changed, in the engine again", times)
    size = _docker("image", "inspect", "--format", "{{.Size}}", package(REPEATS).image_id)
    tell("mlmagic: size", [int(size) / 1e6], "MB")
    pushed = f"{registry}/base:1"
    _docker("tag", base, pushed)
    _docker("push", "-q", pushed)
    _docker("rmi", pushed)
    with no_engine():
        place = {"push": f"{registry}/bench:1", "base_image": pushed}
        tell(
            "mlmagic: pushed without an engine, from nothing",
            [seconds(lambda: package(0, **place))],
        )
        times = [seconds(lambda n=n: package(n + 1, **place)) for n in range(REPEATS)]
        tell("mlmagic: script changed, pushed without an engine (goal 1 s)", times)


@contextmanager
def no_engine() -> Iterator[None]:
    """Let no engine be reached."""
    os.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    try:
        yield
    finally:
        del os.environ["DOCKER_HOST"]


def theirs(base: str, requirements: str, folder: Path) -> None:
    """Measure builds of the Dockerfiles."""
    for wheel in (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"):
        shutil.copy(wheel, folder)
    (folder / "ca.crt").write_bytes(CERTIFICATES.read_bytes())
    (folder / "requirements.txt").write_text(requirements)
    (folder / "src").mkdir()
    _build(folder, WITH_PIP.format(base=base), "mlmagic-bench/pip")
    for tool, dockerfile in DOCKERFILES.items():
        tag = f"mlmagic-bench/{tool.lower()}"

        def edited(change: int, tag: str = tag, dockerfile: str = dockerfile) -> None:
            (folder / "src" / "score.py").write_text(SCRIPT.format(change=change))
            _build(folder, dockerfile.format(pip="mlmagic-bench/pip"), tag)

        tell(f"{tool}'s order: image from nothing", [seconds(lambda: edited(0))])
        times = [seconds(lambda n=n: edited(n + 1)) for n in range(REPEATS)]
        tell(f"{tool}'s order: script changed", times)
        size = _docker("image", "inspect", "--format", "{{.Size}}", tag)
        tell(f"{tool}'s order: size", [int(size) / 1e6], "MB")


def _build(folder: Path, dockerfile: str, tag: str) -> None:
    (folder / "Dockerfile").write_text(dockerfile.lstrip())
    _docker("build", "-q", "-t", tag, str(folder))


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
    up = subprocess.run([UP], check=True, capture_output=True, text=True)
    base = os.environ["MLMAGIC_BASE_IMAGE"] = up.stdout.split()[-1]
    with tempfile.TemporaryDirectory(prefix="mlmagic-bench-") as folder:
        registry = Registry(Path(folder) / "registry").start()
        try:
            with scratch_workspace() as workspace:
                ours(workspace, registry.address, base)
                needed = ("scikit-learn", "skops")
                environment = workspace.environments.capture(
                    {"pandas"}, requirements=needed, name="b"
                )
                lock = workspace.environments.lock(environment)
                context = Path(folder) / "context"
                context.mkdir()
                theirs(base, lock.text, context)
        finally:
            registry.stop()
            for name in ("pip", *map(str.lower, DOCKERFILES)):
                subprocess.run(
                    ["docker", "rmi", "-f", f"mlmagic-bench/{name}"],
                    check=False,
                    capture_output=True,
                )


if __name__ == "__main__":
    main()
