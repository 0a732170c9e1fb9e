"""What all tests share: one cache of environments, and no settings of the machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlmagic.environments import Environments
from mlmagic.registry import ContentStore
from mlmagic.testing import ServiceKit, minimal_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic.entities import Lock


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
