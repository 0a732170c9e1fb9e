"""Images of small services, on the engine and the registries of ``tests/engine``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace
from mlmagic.images import Engine, Images
from tests.images import disk_bases
from tests.images.serving import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlmagic.environments import Environments
    from mlmagic.images import Base, Image
    from mlmagic.testing import ServiceKit
    from tests.engine.fixtures import TestEngine


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a model and a script beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT)
    (folder / "words.txt").write_text("some words")
    workspace = Workspace(folder)
    workspace.register_model(folder / "words.txt", name="words")
    return workspace


@pytest.fixture
def images(shared_cache: Path, kit: ServiceKit, environments: Environments) -> Images:
    """Images on the cache of this test run."""
    return Images(shared_cache, content=kit.content, environments=environments)


@pytest.fixture
def engine(docker_engine: TestEngine) -> Engine:
    """The machine's engine."""
    return Engine(docker_engine.client)


@pytest.fixture
def base(images: Images, engine: Engine, docker_engine: TestEngine) -> Base:
    """The base image, as the engine has it."""
    return images.base(docker_engine.base, python_version="3.11", engine=engine)


@pytest.fixture
def image(images: Images, base: Base, kit: ServiceKit) -> Image:
    """A service that echoes, without keys, with a model and a sample."""
    return images.service(kit.spec(models={"iris:1": b"weights"}, sample=b"[1]", auth="none"), base)


@pytest.fixture
def small_image(images: Images, kit: ServiceKit, tmp_path: Path) -> Image:
    """A service on a base of some kilobytes that no engine has, to be pushed and not started."""
    return images.service(kit.spec(auth="none"), images.base(disk_bases.write(tmp_path, "oci")))


@pytest.fixture
def loaded(images: Images, engine: Engine) -> Iterator[Callable[[Image], str]]:
    """Load images, and remove them at the end."""
    names: list[str] = []

    def load(image: Image) -> str:
        name = f"mlmagic-tests/images:{image.short}"
        images.load(image, engine, name)
        names.append(name)
        return name

    yield load
    for name in names:
        engine.client.images.remove(name, force=True)
