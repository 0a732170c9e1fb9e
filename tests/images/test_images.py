"""Images: equal wherever they are made, and serving wherever they are started."""

from __future__ import annotations

import sys
import venv
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlmagic.entities import Environment
from mlmagic.environments import Environments
from mlmagic.errors import ImageBuildError, ImagePullError
from mlmagic.images import Engine, Images
from mlmagic.registry import ContentStore
from mlmagic.testing import ServiceKit
from tests.images.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.images import Base, Image
    from tests.engine.fixtures import TestEngine
    from tests.engine.registry import Registry

pytestmark = pytest.mark.docker


def test_a_service_image_answers(
    docker_engine: TestEngine, image: Image, loaded: Callable[[Image], str]
) -> None:
    assert serve(docker_engine, loaded(image), read_only=True) == {"x": 2}


def test_the_engine_has_the_image_by_the_id_that_was_foretold(
    docker_engine: TestEngine, images: Images, image: Image, loaded: Callable[[Image], str]
) -> None:
    assert docker_engine.client.images.get(loaded(image)).id in foretold(images, image)


def foretold(images: Images, image: Image) -> tuple[str, str]:
    """The id in the classic store, and in that of containerd."""
    return image.id, images.pack(image).digest


def test_a_pushed_image_is_pulled_with_the_same_id_and_answers(
    docker_engine: TestEngine, images: Images, image: Image, image_registry: Registry, unique: str
) -> None:
    reference = f"{image_registry.address}/{unique}:1"
    digest = images.push(image, reference)
    pulled = docker_engine.client.images.pull(reference)
    try:
        assert pulled.id in foretold(images, image)
        assert pulled.attrs["RepoDigests"] == [f"{image_registry.address}/{unique}@{digest}"]
        assert serve(docker_engine, reference) == {"x": 2}
    finally:
        docker_engine.client.images.remove(pulled.id, force=True)


def test_an_image_says_what_it_is_made_from(images: Images, base: Base, kit: ServiceKit) -> None:
    spec = replace(kit.spec(models={"iris:1": b"weights"}), commit="a" * 40)
    labels = images.service(spec, base).config["config"]["Labels"]
    assert labels["io.mlmagic.models"] == f"iris:1@{spec.models[0].digest}"
    assert labels["io.mlmagic.spec"] == spec.digest
    assert labels["io.mlmagic.lock"] == spec.lock.identity
    assert labels["org.opencontainers.image.title"] == spec.name
    assert labels["org.opencontainers.image.revision"] == "a" * 40
    without = images.service(replace(spec, commit=""), base).config["config"]["Labels"]
    assert "org.opencontainers.image.revision" not in without


def build(folder: Path, engine: Engine, reference: str) -> tuple[str, str]:
    """Build from empty caches: image id and manifest digest."""
    environments = Environments(folder / "definitions", folder, folder)
    lock = environments.lock(Environment(name="some", requirements=("pyyaml", "six")))
    content = ContentStore(folder / "content")
    kit = ServiceKit(folder / "s", content=content, environments=environments, lock=lock)
    images = Images(folder, content=content)
    base = images.base(reference, python_version="3.11", engine=engine)
    image = images.service(kit.spec(models={"iris:1": b"weights"}), base)
    return image.id, images.pack(image).digest


def test_two_builds_from_nothing_give_equal_digests(
    docker_engine: TestEngine, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(tmp_path / "one", engine, docker_engine.base)
    # Another user's interpreter has another path; it must not get into the programs' digests.
    venv.create(tmp_path / "elsewhere", symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "bin" / "python"))
    assert first == build(tmp_path / "two", engine, docker_engine.base)


def test_packages_are_compiled_for_the_image(images: Images, base: Base, lock: object) -> None:
    import tarfile

    layer = images.environment(lock, base).layers[0]
    with tarfile.open(layer.stored) as tar:
        names = tar.getnames()
        assert {entry.mtime for entry in tar} == {315532800}
        assert {(entry.uid, entry.gid) for entry in tar} == {(0, 0)}
    folder = "opt/mlmagic/venv/lib/python3.11/site-packages/uvicorn"
    assert f"{folder}/__pycache__/main.cpython-311.pyc" in names


def test_only_the_layers_that_an_engine_lacks_travel(
    images: Images, base: Base, kit: ServiceKit, engine: Engine, loaded: Callable[[Image], str]
) -> None:
    loaded(images.service(kit.spec(models={"iris:1": b"weights"}), base))
    said: list[str] = []
    changed = images.service(kit.spec("def run(x): return 1", models={"iris:1": b"weights"}), base)
    images.load(changed, engine, "mlmagic-tests/images:changed", on_event=said.append)
    engine.client.images.remove("mlmagic-tests/images:changed")
    assert said == [f"image {changed.short}: loading 0.0 MB"]


def test_a_second_repository_mounts_what_the_first_has(
    images: Images, image: Image, image_registry: Registry, unique: str
) -> None:
    first = images.push(image, f"{image_registry.address}/{unique}/a:1")
    before = len(image_registry.requests("PATCH"))
    second = images.push(image, f"{image_registry.address}/{unique}/b:1")
    assert first == second
    mounts = [line for line in image_registry.requests("POST") if f"{unique}/b" in line]
    assert [line.rpartition(" ")[2] for line in mounts][:-1] == ["201"] * len(image.diff_ids)
    assert len(image_registry.requests("PATCH")) == before


def test_a_service_image_of_ours_is_a_base_and_nothing_of_it_shows(
    docker_engine: TestEngine,
    images: Images,
    image: Image,
    kit: ServiceKit,
    image_registry: Registry,
    unique: str,
    loaded: Callable[[Image], str],
) -> None:
    below = f"{image_registry.address}/{unique}/below:1"
    images.push(image, below)
    # No engine is asked: the names in compressed layers are read as they come.
    base = images.base(below, python_version="3.11")
    assert base.python == image.base.python
    script = "import os\ndef run(x): return os.listdir(os.environ['AML_APP_ROOT'])"
    above = images.service(kit.spec(script, auth="none"), base)
    assert above.config["config"]["Labels"]["io.mlmagic.models"] == ""
    reference = f"{image_registry.address}/{unique}/above:1"
    images.push(above, reference)
    docker_engine.client.images.pull(reference)
    try:
        found = serve(docker_engine, reference)
        assert "azureml-models" not in found
    finally:
        docker_engine.client.images.remove(reference, force=True)


def test_an_environment_is_locked_again_for_the_python_of_the_base(
    docker_engine: TestEngine,
    images: Images,
    environments: Environments,
    base: Base,
    kit: ServiceKit,
    loaded: Callable[[Image], str],
) -> None:
    said: list[str] = []
    wanted = Environment(name="newer", requirements=("six",))
    lock = environments.lock(wanted, python_version="3.12")
    spec = replace(kit.spec(auth="none"), lock=lock)
    image = images.service(spec, base, on_event=said.append)
    labels = image.config["config"]["Labels"]
    again = environments.lock(wanted, python_version="3.11")
    assert labels["io.mlmagic.lock"] == again.identity != lock.identity
    assert labels["io.mlmagic.python"] == "3.11"
    assert said[0] == "environment 'newer': locking for Python 3.11 on linux-x86_64"
    assert serve(docker_engine, loaded(image)) == {"x": 2}


def test_a_lock_for_another_python_that_nothing_locks_is_refused(
    shared_cache: Path, kit: ServiceKit, environments: Environments, base: Base
) -> None:
    lock = environments.lock(Environment(name="newer"), python_version="3.12")
    alone = Images(shared_cache, content=kit.content)
    with pytest.raises(ImagePullError, match=r"has Python 3\.11.* for Python 3\.12"):
        alone.environment(lock, base)
    stranger = replace(lock, identity="0" * 64)
    images = Images(shared_cache, content=kit.content, environments=environments)
    with pytest.raises(ImageBuildError, match="how it was made is not known"):
        images.environment(stranger, base)
