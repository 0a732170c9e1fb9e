"""``image prune``: what a workspace made goes, what others made or use stays."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from mlmagic.environments import Environments
from mlmagic.images import Engine, Images
from mlmagic.images.housekeeping import list_images, prune_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic.images import Image
    from mlmagic.testing import ServiceKit
    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.docker


class Place:
    """A workspace that loads images of services into the engine."""

    def __init__(self, root: Path, cache: Path, kit: ServiceKit, engine: Engine, base: str) -> None:
        (root / ".mlmagic").mkdir(parents=True)
        environments = Environments(root / ".mlmagic" / "environments", cache, root)
        self.images = Images(cache, content=kit.content, environments=environments)
        self.base = self.images.base(base, python_version="3.11", engine=engine)
        self.engine, self.kit, self.names = engine, kit, list[str]()

    def load(self, script: str) -> Image:
        image = self.images.service(self.kit.spec(script), self.base)
        self.names.append(f"mlmagic-tests/prune:{image.short}")
        self.images.load(image, self.engine, self.names[-1])
        return image

    def has(self, image: Image) -> bool:
        wanted = f"mlmagic-tests/prune:{image.short}"
        return any(wanted in each.name for each in list_images(self.images, self.engine))


@pytest.fixture
def places(
    tmp_path: Path, shared_cache: Path, kit: ServiceKit, docker_engine: TestEngine
) -> Iterator[tuple[Place, Place]]:
    """Two workspaces of one user, whose cache begins with what the whole run has made."""
    cache, engine = tmp_path / "cache", Engine(docker_engine.client)
    if (shared_cache / "images").is_dir():
        shutil.copytree(shared_cache / "images", cache / "images", copy_function=os.link)
    both = [Place(tmp_path / name, cache, kit, engine, docker_engine.base) for name in "ab"]
    yield both[0], both[1]
    for name in {name for place in both for name in place.names}:
        if engine.client.images.list(name):
            engine.client.images.remove(name, force=True)


def test_prune_leaves_what_other_workspaces_made(places: tuple[Place, Place], unique: str) -> None:
    here, there = places
    mine, theirs, both = (
        here.load(f"def run(x): return '{unique} mine'"),
        there.load(f"def run(x): return '{unique} theirs'"),
        here.load(f"def run(x): return '{unique} both'"),
    )
    assert there.load(f"def run(x): return '{unique} both'").id == both.id

    told = prune_images(here.images, here.engine, used=(), dry_run=True)
    assert here.names[0] in told.removed
    assert here.has(mine)

    done = prune_images(here.images, here.engine, used=())
    assert here.names[0] in done.removed
    assert [here.has(each) for each in (mine, theirs, both)] == [False, True, True]
    assert {here.names[1], there.names[0]} <= set(done.kept)


def test_prune_leaves_what_a_service_stands_on_and_no_other_environment(
    places: tuple[Place, Place], docker_engine: TestEngine, unique: str
) -> None:
    here, _ = places
    images, engine, spec = here.images, here.engine, here.kit.spec()
    made: dict[str, list[str]] = {}
    for word in ("used", "unused"):
        lines = f"RUN echo {unique} {word} > /etc/made"
        base = images.base(
            docker_engine.base, python_version="3.11", engine=engine, dockerfile=lines
        )
        made[word] = [base.reference, images.environment_tag(spec.lock, base)]
        images.load(images.environment(spec.lock, base), engine, made[word][1])
        here.names += made[word]
        if word == "used":
            service = images.service(spec, base)
            made[word].append(f"mlmagic-tests/prune:{service.short}")
            images.load(service, engine, made[word][2])
            here.names.append(made[word][2])

    # All environments have the layer of the scoring server, which tells nothing of what is used.
    done = prune_images(images, engine, used=(spec.digest,))
    kept, removed = (
        {name for each in names for name in each.split(", ")} for names in (done.kept, done.removed)
    )
    assert {*made["unused"]} <= removed
    assert {*made["used"]} <= kept
