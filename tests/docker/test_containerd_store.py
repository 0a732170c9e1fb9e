"""The Docker target on an engine with containerd's image store, the default of today's engines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmagic.images.archive import docker_archive
from mlmagic.images.housekeeping import prune_images
from mlmagic.testing import TargetContract
from tests.engine import fixtures
from tests.engine.fixtures import TestEngine, lacking
from tests.engine.private import PrivateEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.images import Base, Engine, Images
    from tests.docker.conftest import DockerKit
    from tests.engine.registry import Registry

pytestmark = pytest.mark.docker

FEATURES = {"features": {"containerd-snapshotter": True}}


@pytest.fixture(scope="module")
def docker_engine(docker_engine: TestEngine) -> Iterator[TestEngine]:
    """A newer engine with the base image; it is the one meant."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        lacking("a newer engine needs root and apt")
    found = subprocess.run(
        [Path(fixtures.__file__).parent / "newer"], check=False, capture_output=True, text=True
    )
    if found.returncode:
        lacking(f"there is no newer engine: {found.stderr}")
    folder = Path(tempfile.mkdtemp(prefix="mlmagic-newer-"))
    settings = folder / "daemon.json"
    settings.write_text(json.dumps(FEATURES))
    engine = PrivateEngine(
        folder,
        *("--config-file", str(settings)),
        network=True,
        programs=Path(found.stdout.strip()),
    )
    try:
        client = engine.start().client()
        assert ["driver-type", "io.containerd.snapshotter.v1"] in client.info()["DriverStatus"]
        base = docker_engine.client.images.get(docker_engine.base)
        client.api.load_image(base.save(named=docker_engine.base))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", engine.url)
            yield TestEngine(client, docker_engine.base)
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


class TestContainerdStore:
    """The promise that reaches the most of an engine: the whole contract was kept, by hand."""

    test_an_update_loses_no_request = TargetContract.test_an_update_loses_no_request


def test_the_engine_has_an_image_by_the_digest_that_registries_have(
    engine: Engine,
    base: Base,
    images: Images,
    kit: DockerKit,
    image_registry: Registry,
) -> None:
    image, local = images.service(kit.spec(), base), f"{kit.label}:1"
    pushed = f"{image_registry.address}/{local}"
    images.load(image, engine, local)
    try:
        found = engine.client.images.get(local)
        assert images.push(image, pushed) == found.id
        assert engine.client.images.pull(pushed).id == found.id
        assert [engine.has_alone(name) for name in (local, pushed)] == [True, False]
        removed = prune_images(images, engine, used=(), dry_run=True).removed
        assert any(local in names for names in removed)
    finally:
        engine.client.images.remove(local, force=True)
        engine.client.images.remove(pushed, force=True)


def test_layers_that_it_has_in_another_form_travel_again(
    engine: Engine, base: Base, images: Images, kit: DockerKit
) -> None:
    first = images.service(kit.spec("def run(x): return 'other form'"), base)
    second = images.service(kit.spec("def run(x): return 'ours'"), base)
    local = f"{kit.label}:1"
    with engine.saved(base.configuration.id) as saved:  # as older versions sent it
        engine.client.api.load_image(docker_archive(first, base=saved, tags=[f"{local}-other"]))
    try:
        images.load(second, engine, local)
        assert engine.client.images.get(local).id == images.pack(second).digest
        assert engine.client.containers.run(local, ["-c", "pass"], entrypoint="python") == b""
    finally:
        engine.client.images.remove(local, force=True)
        engine.client.images.remove(f"{local}-other", force=True)
