"""Servers whose authority is known beside the bundle that a company's environment names."""

from __future__ import annotations

import shutil
import ssl
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ImagePushError, TargetUnavailableError
from mlmagic.images import connect
from tests.docker.test_engines import by_tcp
from tests.engine.registry import make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.images import Image, Images
    from tests.engine.fixtures import TestEngine
    from tests.engine.registry import Registry

pytestmark = pytest.mark.docker


@pytest.fixture(autouse=True)
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names another authority than that of the servers here."""
    bundle = make_certificate(tmp_path / "other") / "ca.crt"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))


def test_an_engine_is_known_by_its_own_authority_alone(
    docker_engine: TestEngine,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del docker_engine
    security = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    security.load_cert_chain(certificate / "server.crt", certificate / "server.key")
    shutil.copy(certificate / "ca.crt", tmp_path / "ca.pem")
    for ours, theirs in (("cert.pem", "server.crt"), ("key.pem", "server.key")):
        shutil.copy(certificate / theirs, tmp_path / ours)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with by_tcp("127.0.0.1", security) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        with closing(connect()) as engine:
            assert engine.version()["Os"] == "linux"
        shutil.copy(tmp_path / "other" / "ca.crt", tmp_path / "ca.pem")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "ca.crt"))
        with pytest.raises(TargetUnavailableError, match="certificate verify failed"):
            connect()


@pytest.mark.parametrize("way", ["Docker's folder", "the system"])
def test_a_registry_is_known_as_docker_knows_it(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    registry = make_image_registry(certificate=certificate)
    place = f"{registry.address}/ml/echo:1"
    with pytest.raises(ImagePushError, match="not trusted"):
        images.push(small_image, place)
    if way == "the system":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "ca.crt"))
    else:
        folder = tmp_path / ".docker" / "certs.d" / registry.address
        folder.mkdir(parents=True)
        shutil.copy(certificate / "ca.crt", folder / "team.crt")
        monkeypatch.setenv("HOME", str(tmp_path))
    assert images.push(small_image, place).startswith("sha256:")
