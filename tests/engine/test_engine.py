"""The parts that tests of images and containers stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.fixtures import TestEngine
    from tests.engine.private import PrivateEngine
    from tests.engine.registry import Registry

pytestmark = pytest.mark.docker


def test_the_base_image_has_the_python_that_its_tag_says(docker_engine: TestEngine) -> None:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    said = docker_engine.client.containers.run(
        docker_engine.base, ["python3", "-c", program], remove=True, network_mode="none"
    )
    assert said.decode().strip() == docker_engine.python_version


def test_the_engine_pushes_to_the_registry(
    docker_engine: TestEngine, image_registry: Registry, unique: str
) -> None:
    reference = f"{image_registry.address}/{unique}"
    docker_engine.client.images.get(docker_engine.base).tag(reference, "1")
    try:
        docker_engine.client.images.push(reference, "1")
    finally:
        docker_engine.client.images.remove(f"{reference}:1")
    assert f"PUT /v2/{unique}/manifests/1 201" in image_registry.requests("PUT")


def test_a_registry_with_a_password_refuses_without(
    make_image_registry: Callable[..., Registry], certificate: Path
) -> None:
    registry = make_image_registry(htpasswd=True, certificate=certificate)
    answer = requests.get(
        f"https://{registry.address}/v2/", verify=str(certificate / "ca.crt"), timeout=30
    )
    assert answer.status_code == 401


def test_an_engine_of_the_tests_own_survives_its_death(
    make_engine: Callable[..., PrivateEngine],
) -> None:
    engine = make_engine()
    assert engine.client().images.list() == []
    engine.kill()
    engine.start()
    assert engine.client().images.list() == []
