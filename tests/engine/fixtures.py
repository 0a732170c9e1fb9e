"""The engine, base image and registries that tests use; ``tests/conftest.py`` shares them.

Where one is lacking, ``MLMAGIC_REQUIRE=docker`` makes the tests fail; else they are skipped with
the reason.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import tempfile
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.private import PrivateEngine
from tests.engine.registry import Registry, is_installed, make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

HERE = Path(__file__).parent
_UNCLOSED = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def left_open(test: Any) -> Any:
    """Mark a test whose engine is away: Docker's client leaves a socket open that found nobody."""
    return _UNCLOSED(pytest.mark.usefixtures("collected")(test))


@dataclass(frozen=True)
class TestEngine:
    """A running engine.

    Attributes:
        client: The official client of it.
        base: Reference of an image with Python and nothing else, such as
            ``mlmagic-test/python:3.11``.
    """

    __test__ = False  # a fixture, not a class of tests

    client: DockerClient
    base: str

    @property
    def python_version(self) -> str:
        """The base image's Python, as ``major.minor``."""
        return self.base.rpartition(":")[2]


def lacking(reason: str) -> None:
    """Fail where an engine is required, else skip."""
    if "docker" in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[TestEngine]:
    """The Docker engine of this machine, with the base image; started where there is none."""
    import docker

    if shutil.which("docker") is None:
        lacking("no Docker: apt install docker.io debootstrap docker-registry")
    ran = subprocess.run([HERE / "up"], check=False, capture_output=True, text=True, timeout=900)
    if ran.returncode:
        lacking(f"no Docker engine with a base image: {ran.stderr.strip()}")
    client = docker.from_env()
    yield TestEngine(client, ran.stdout.split()[-1])
    client.close()


@pytest.fixture(scope="session")
def make_image_registry(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Registry]]:
    """Start a registry of one's own; the arguments are those of ``Registry``."""
    if not is_installed():
        lacking("no registry: apt install docker-registry apache2-utils openssl")
    with ExitStack() as stack:

        def make(**options: Any) -> Registry:
            registry = Registry(tmp_path_factory.mktemp("registry"), **options)
            stack.callback(registry.stop)
            return registry.start()

        yield make


@pytest.fixture(scope="session")
def image_registry(make_image_registry: Callable[..., Registry]) -> Registry:
    """A registry by plain HTTP on loopback, shared by all tests: name repositories apart."""
    return make_image_registry()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA of our own, with a certificate for localhost."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def collected() -> Iterator[None]:
    """Sockets that the test left open are collected with it, not under a later one."""
    yield
    gc.collect()


@pytest.fixture
def make_engine() -> Iterator[Callable[..., PrivateEngine]]:
    """Start an engine for this test alone; the arguments are those of ``PrivateEngine``."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        lacking("an engine of the test's own needs root and dockerd: apt install docker.io")
    with ExitStack() as stack:

        def make(
            *options: str, directory: Path | None = None, network: bool = False
        ) -> PrivateEngine:
            if directory is None:
                directory = Path(tempfile.mkdtemp(prefix="mlmagic-dockerd-"))
                stack.callback(shutil.rmtree, directory, ignore_errors=True)
            engine = PrivateEngine(directory, *options, network=network)
            stack.callback(engine.stop)
            return engine.start()

        yield make


@pytest.fixture
def unique() -> str:
    """A name that no other test has, for repositories and services."""
    return f"t{uuid.uuid4().hex[:10]}"
