"""The Docker target on Podman's socket."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from docker import DockerClient
from docker.errors import NotFound

from mlmagic.images import connect
from mlmagic.targets.docker import labels
from mlmagic.targets.docker.parts import ServiceParts
from mlmagic.testing import TargetContract
from tests.docker.test_engines import by_ssh
from tests.docker.test_updates import (
    test_the_old_one_listens_until_the_new_one_is_ready_and_the_port_stays as listens_and_stays,
)
from tests.engine.fixtures import TestEngine, lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docker.conftest import DockerKit

pytestmark = pytest.mark.docker

ROUNDS = 50  # of some hundred looks, one in twenty meets a container that goes
# Podman asks for more than a root without CAP_SYS_RESOURCE may give.
LIMITS = '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=16384:16384"]\n'


@pytest.fixture(scope="module")
def docker_engine(docker_engine: TestEngine) -> Iterator[TestEngine]:
    """Podman's service with the base image, in a storage of its own; it is the one meant."""
    if os.geteuid() != 0 or shutil.which("podman") is None:
        lacking("an engine of Podman's needs root and podman: apt install podman")
    folder = Path(tempfile.mkdtemp(prefix="mlmagic-podman-"))  # Podman takes no long paths
    (folder / "run").mkdir()
    with served(docker_engine, folder, folder / "run") as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def served(
    docker_engine: TestEngine, folder: Path, run: Path, *, user: str | None = None
) -> Iterator[TestEngine]:
    """Start Podman's service with the base image.

    Args:
        docker_engine: Has the base image.
        folder: For its storage.
        run: For its socket and what goes with a reboot.
        user: Whose it is; None is root's.
    """
    limits, place = folder / "containers.conf", run / "podman.sock"
    limits.write_text(LIMITS)
    podman = ["podman", "--root", folder / "storage", "--runroot", run / "containers"]
    options: dict[str, Any] = {
        "cwd": folder,  # its conmon writes a file 'oom' there
        "env": {**os.environ, "CONTAINERS_CONF": str(limits)},
        "stdin": subprocess.DEVNULL,
    }
    if user is not None:
        options |= {"user": user, "group": user, "extra_groups": []}
        options["env"] |= {"HOME": str(folder), "USER": user, "XDG_RUNTIME_DIR": str(run)}
    with (folder / "log").open("wb") as log:
        service = [*podman, "system", "service", "--time=0", f"unix://{place}"]
        process = subprocess.Popen(service, stdout=log, stderr=log, **options)
    try:
        with closing(reach(place, folder / "log")) as client:
            base = docker_engine.client.images.get(docker_engine.base)
            client.api.load_image(base.save(named=docker_engine.base))
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DOCKER_HOST", f"unix://{place}")
                yield TestEngine(client, f"localhost/{docker_engine.base}")
    finally:
        process.terminate()
        process.wait(60)
        # Not `system reset`, which takes the networks of the machine's own Podman along.
        subprocess.run([*podman, "rmi", "--all", "--force"], check=False, timeout=120, **options)


def reach(socket_file: Path, log: Path) -> DockerClient:
    """Wait until Podman answers."""
    for _ in range(1200):
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(socket_file))
            return DockerClient(f"unix://{socket_file}", timeout=300)
        time.sleep(0.1)
    raise RuntimeError(f"podman did not start:\n{log.read_text()}")


@pytest.mark.parametrize("way", ["socket", "ssh"])
def test_containers_that_go_meanwhile_are_none(
    docker_engine: TestEngine,
    unique: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """Podman answers 500, not 404, of one that it is removing at that very moment."""
    with ExitStack() as stack:
        if way == "ssh":
            address = stack.enter_context(by_ssh(tmp_path, monkeypatch))
            place = os.environ["DOCKER_HOST"].removeprefix("unix://")
            monkeypatch.setenv("DOCKER_HOST", address + place)
        client = stack.enter_context(closing(connect()))
        pool = stack.enter_context(ThreadPoolExecutor())
        parts, api = ServiceParts(client, "svc", unique), docker_engine.client.api
        marks = labels.own(parts.name, parts.owner, labels.FRONT)
        for _ in range(ROUNDS):
            made = api.create_container(docker_engine.base, ["true"], labels=marks)["Id"]
            removal = pool.submit(api.remove_container, made)
            while not removal.done():
                with suppress(NotFound):
                    client.api.inspect_container(made)
                parts.containers()
            removal.result()
        assert parts.containers() == []


def test_a_front_takes_the_place_of_another_at_its_port(
    kit: DockerKit, client: DockerClient
) -> None:
    listens_and_stays(kit, client, is_fixed=True)


class TestPodman:
    """The promises that reach the most of an engine: the whole contract was kept, by hand."""

    test_healthy = TargetContract.test_a_service_becomes_healthy_answers_and_is_deleted
    test_an_update_loses_no_request = TargetContract.test_an_update_loses_no_request
