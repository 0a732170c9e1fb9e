"""Services on bases without Python, and on bases that change in their registry."""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from mlmagic import Workspace
from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import ConfigurationError, DeploymentFailedError, ImagePullError
from mlmagic.targets.docker.labels import GENERATION, REVISION
from mlmagic.testing.contract import SECONDS, until
from tests.docker.seen import healthy, is_, parts
from tests.images.test_standalone_python import pin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docker.conftest import DockerKit
    from tests.engine.fixtures import TestEngine
    from tests.engine.registry import Registry

pytestmark = pytest.mark.docker

WITHOUT = "RUN rm -rf /usr/bin/python3* /usr/lib/python3*"


def test_a_service_runs_on_a_base_without_python(
    kit: DockerKit, docker_engine: TestEngine, tmp_path: Path
) -> None:
    service = kit.services.submit(kit.spec(base_dockerfile=WITHOUT))
    with pytest.raises(DeploymentFailedError, match="has no Python") as caught:
        service.wait_for_deployment(timeout_sec=SECONDS)
    assert caught.value.status is not None
    assert caught.value.status.reason is Reason.IMAGE_PULL
    assert "standalone_python" in str(caught.value)

    pinned = relocated(docker_engine, tmp_path / "python.tar.gz")
    service = kit.services.submit(kit.spec(base_dockerfile=WITHOUT, standalone_python=pinned))
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run([2]) == [2]
    (revision,) = docker_engine.client.containers.list(
        filters={"label": f"{GENERATION}=2", "name": kit.label}
    )
    found = revision.exec_run(["readlink", "-f", "/opt/mlmagic/venv/bin/python"]).output
    assert found.decode().startswith("/opt/python/")


def test_a_base_that_was_pulled_anew_is_under_a_service_that_is_restarted(
    kit: DockerKit,
    docker_engine: TestEngine,
    image_registry: Registry,
    unique: str,
    tmp_path: Path,
) -> None:
    client, name = docker_engine.client, f"{image_registry.address}/{unique}"

    def publish(version: str) -> None:
        lines = f"FROM {docker_engine.base}\nENV BASE={version}"
        made, _ = client.images.build(fileobj=io.BytesIO(lines.encode()), tag=name, rm=True)
        client.images.push(name)
        client.images.remove(made.id, force=True)

    def environment() -> list[str]:
        newest = parts(client, kit, REVISION)[0]
        return list(newest.attrs["Config"]["Env"])

    said: list[str] = []
    workspace = Workspace(tmp_path)
    try:
        publish("one")
        service = healthy(kit, base_image=name)
        workspace.pull_image(name, on_event=said.append)
        publish("two")
        pulled = workspace.pull_image(name, on_event=said.append)
        assert [line.rpartition(": ")[2] for line in said] == [
            *("pulling", "the same as before", "pulling", "changed")
        ]
        assert (pulled.role, pulled.image_id) == ("base", client.images.get(name).id)
        assert "BASE=one" in environment()
        service.restart()
        until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))
        assert "BASE=two" in environment()
        with pytest.raises(ImagePullError, match="cannot be had"):
            workspace.pull_image(f"{name}/not-there")
        with pytest.raises(ConfigurationError, match="'oci:layout' is read from the disk"):
            workspace.pull_image("oci:layout")
    finally:
        with suppress(ImageNotFound):
            client.images.remove(name, force=True)


def relocated(docker_engine: TestEngine, path: Path) -> str:
    """Make an archive of the Python that the base image of the tests has."""
    version = docker_engine.python_version
    container = docker_engine.client.containers.create(docker_engine.base, "/")
    try:
        with tarfile.open(path, "w:gz", compresslevel=1) as tar:
            for name in (f"bin/python{version}", f"lib/python{version}"):
                stream, _ = container.get_archive(f"/usr/{name}")
                with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as taken:
                    for entry in taken:
                        # Debian's links to /etc are no part of a Python that can be moved.
                        if entry.isfile() or entry.isdir():
                            data = taken.extractfile(entry)
                            entry.name = f"python/{name.partition('/')[0]}/{entry.name}"
                            tar.addfile(entry, data)
    finally:
        container.remove()
    return pin(path)
