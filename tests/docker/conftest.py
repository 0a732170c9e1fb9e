"""Services on the engine of ``tests/engine``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.registry import ContentStore
from mlmagic.targets.docker import DockerTarget
from mlmagic.testing import ServiceKit
from tests.images.conftest import base, engine, images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import DockerClient

    from mlmagic.entities import DeploymentSpec, Lock
    from mlmagic.environments import Environments
    from tests.engine.fixtures import TestEngine

__all__ = ["base", "engine", "images"]


class DockerKit(ServiceKit):
    """Makes services whose containers have names of their own.

    Attributes:
        label: The front's name.
        engine_target: The target.
    """

    label: str
    engine_target: DockerTarget

    def spec(self, *arguments: Any, **options: Any) -> DeploymentSpec:
        """See `ServiceKit.spec`."""
        name = options.get("name", "svc")
        label = self.label if name == "svc" else f"{self.label}-{name}"
        return super().spec(*arguments, **{"dns_name_label": label, **options})


@pytest.fixture
def make_kit(
    docker_engine: TestEngine, environments: Environments, lock: Lock, unique: str
) -> Iterator[Callable[..., DockerKit]]:
    """Make kits on folders of their own; their services are deleted at the end."""
    made: list[DockerKit] = []

    def make(folder: Path, **options: Any) -> DockerKit:
        content = ContentStore(folder / "content")
        target = DockerTarget(
            folder / "services",
            content=content,
            environments=environments,
            base_image=docker_engine.base,
            **options,
        )
        kit = DockerKit(
            folder / "services",
            content=content,
            environments=environments,
            lock=lock,
            targets={"docker": target},
            target="docker",
        )
        kit.label, kit.engine_target = f"mlmagic-test-{unique}", target
        made.append(kit)
        return kit

    yield make
    for kit in made:
        for service in kit.services.list():
            service.delete()
        kit.engine_target.close()


@pytest.fixture
def client(docker_engine: TestEngine) -> DockerClient:
    return docker_engine.client


@pytest.fixture
def kit(make_kit: Callable[..., DockerKit], tmp_path: Path) -> DockerKit:
    """Makes services on the engine."""
    return make_kit(tmp_path)
