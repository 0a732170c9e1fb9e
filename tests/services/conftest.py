"""One realised environment for all services of a run, and a kit for each test."""

from __future__ import annotations

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
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    base = tmp_path_factory.mktemp("environments")
    return Environments(base / "definitions", base / "cache", base)


@pytest.fixture(scope="session")
def lock(environments: Environments) -> Lock:
    return minimal_lock(environments)


@pytest.fixture
def kit(tmp_path: Path, environments: Environments, lock: Lock) -> Iterator[ServiceKit]:
    content = ContentStore(tmp_path / "content")
    made = ServiceKit(tmp_path / "services", content=content, environments=environments, lock=lock)
    yield made
    for service in made.services.list():
        service.delete()
