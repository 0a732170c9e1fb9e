"""The Docker target on Podman's socket."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker import DockerClient

from mlmagic.testing import TargetContract
from tests.engine.fixtures import TestEngine, lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker

# Podman asks for more than a root without CAP_SYS_RESOURCE may give.
LIMITS = '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=16384:16384"]\n'


@pytest.fixture(scope="module")
def docker_engine(docker_engine: TestEngine) -> Iterator[TestEngine]:
    """Podman's service with the base image, in a storage of its own; it is the one meant."""
    if os.geteuid() != 0 or shutil.which("podman") is None:
        lacking("an engine of Podman's needs root and podman: apt install podman")
    folder = Path(tempfile.mkdtemp(prefix="mlmagic-podman-"))  # Podman takes no long paths
    limits = folder / "containers.conf"
    limits.write_text(LIMITS)
    place = folder / "podman.sock"
    podman = ("podman", "--root", folder / "storage", "--runroot", folder / "run")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*podman, "system", "service", "--time=0", f"unix://{place}"],
            env={**os.environ, "CONTAINERS_CONF": str(limits)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
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
        subprocess.run([*podman, "rmi", "--all", "--force"], check=False, timeout=120)
        shutil.rmtree(folder, ignore_errors=True)


def reach(socket_file: Path, log: Path) -> DockerClient:
    """Wait until Podman answers."""
    for _ in range(300):
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(socket_file))
            return DockerClient(f"unix://{socket_file}", timeout=300)
        time.sleep(0.1)
    raise RuntimeError(f"podman did not start:\n{log.read_text()}")


class TestPodman:
    """The promises that reach the most of an engine: the whole contract was kept, by hand."""

    test_healthy = TargetContract.test_a_service_becomes_healthy_answers_and_is_deleted
    test_an_update_loses_no_request = TargetContract.test_an_update_loses_no_request
