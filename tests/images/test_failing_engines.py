"""An engine that dies while it takes an image, and one whose own disk is full."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

from mlmagic.errors import ImageBuildError, TargetUnavailableError
from mlmagic.images import Engine
from tests.images import disk_bases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.images import Images
    from mlmagic.testing import ServiceKit
    from tests.engine.fixtures import TestEngine
    from tests.engine.private import PrivateEngine

pytestmark = pytest.mark.docker

DISK, MODEL = 192 << 20, 32 << 20


@contextmanager
def small_disk() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="mlmagic-small-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", place]
    subprocess.run(command, check=True, timeout=30)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True, timeout=30)
        place.rmdir()


def tags(engine: PrivateEngine) -> list[str]:
    return sorted(tag for each in engine.client().images.list(all=True) for tag in each.tags)


def test_an_engine_that_dies_or_is_full_while_it_takes_an_image_has_none_of_it(
    make_engine: Callable[..., PrivateEngine], images: Images, kit: ServiceKit
) -> None:
    with small_disk() as place:
        private = make_engine(directory=place)
        data = disk_bases.tar({disk_bases.PROGRAM: b""})
        private.client().api.import_image_from_data(data, "base", "1")
        base = images.base("base:1", engine=Engine(private.client()))
        image = images.service(kit.spec(models={"noise:1": os.urandom(MODEL)}), base)

        death = threading.Thread(target=private.kill_as_it_takes_an_image)
        death.start()
        with pytest.raises(TargetUnavailableError, match="No Docker engine answers"):
            images.load(image, Engine(private.client()), "svc:1")
        death.join()
        private.start()
        assert tags(private) == ["base:1"]

        engine = Engine(private.client())
        large = images.service(kit.spec(models={"iris:1": bytes(DISK)}), base)
        with pytest.raises(ImageBuildError, match="no space left") as caught:
            images.load(large, engine, "svc:1")
        assert "%ml image prune" in (caught.value.hint or "")
        assert tags(private) == ["base:1"]

        images.load(image, engine, "svc:1")
        assert tags(private) == ["base:1", "svc:1"]
        private.stop()


def test_an_engine_that_exports_too_slowly_is_told_as_that(docker_engine: TestEngine) -> None:
    image = docker_engine.client.images.get(docker_engine.base)
    impatient = docker.from_env(timeout=0.001, version=docker_engine.client.api.api_version)
    try:
        with (
            pytest.raises(TargetUnavailableError, match=r"No Docker engine answers: .*timed out"),
            Engine(impatient).saved(str(image.id)),
        ):
            pass
    finally:
        impatient.close()
