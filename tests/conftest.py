"""What all tests share: one cache of environments, and no settings of the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.environments import Environments
from mlmagic.registry import ContentStore
from mlmagic.testing import ServiceKit, minimal_lock
from tests.engine.fixtures import (
    certificate,
    collected,
    docker_engine,
    image_registry,
    make_engine,
    make_image_registry,
    unique,
)

__all__ = [
    "certificate",
    "collected",
    "docker_engine",
    "image_registry",
    "make_engine",
    "make_image_registry",
    "unique",
]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic.entities import Lock


# The longest first. What stops the cluster's components comes before others need them.
FIRST = ("nodes", "tests/docker", "cluster", "tests/images", "tests/panels", "tests/registry")


def share(nodeid: str) -> str:
    """Name what stays together in one process where several share the tests (``-n 2``).

    A folder does, for its fixtures; a file, where it needs the cluster; what is about nodes.
    """
    folder, _, file = nodeid.partition("::")[0].rpartition("/")
    if folder == "tests/kubernetes" and file.startswith("test_node"):
        return "nodes"
    return f"cluster: {file}" if folder == "tests/kubernetes" or "cluster" in file else folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Share the tests by `share`: pytest-xdist 3.8 does not find its marks under pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class ByShare(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return share(nodeid)

    return ByShare(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first."""
    place = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(share(item.nodeid).partition(":")[0], len(place)))


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of realised environments of this test run."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def plain_settings(shared_cache: Path) -> Iterator[None]:
    """Tests start from the defaults, whatever the machine or CI sets."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith("MLMAGIC_") and name != "MLMAGIC_REQUIRE":
                patch.delenv(name)
        patch.delenv("CI", raising=False)
        # Each process that a test starts would compile all that it imports anew.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("MLMAGIC_CACHE_DIR", str(shared_cache))
        yield


@pytest.fixture(scope="session")
def environments(shared_cache: Path) -> Environments:
    """Environments on the shared cache."""
    return Environments(shared_cache / "definitions", shared_cache, shared_cache)


@pytest.fixture(scope="session")
def lock(environments: Environments) -> Lock:
    """An environment with nothing but the runtime, realised once."""
    return minimal_lock(environments)


@pytest.fixture
def kit(tmp_path: Path, environments: Environments, lock: Lock) -> Iterator[ServiceKit]:
    """Makes services on this machine, and deletes them at the end."""
    content = ContentStore(tmp_path / "content")
    made = ServiceKit(tmp_path / "services", content=content, environments=environments, lock=lock)
    yield made
    for service in made.services.list():
        service.delete()
