"""Registries behind a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ImagePushError
from tests.engine.proxy import NAME, Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlmagic.images import Image, Images
    from tests.engine.registry import Registry

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy, and no word of it in the environment yet."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with Proxy() as proxy:
        yield proxy


def test_a_registry_by_plain_http_is_reached_through_the_proxy(
    images: Images,
    small_image: Image,
    image_registry: Registry,
    proxy: Proxy,
    unique: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = f"http://{NAME}:{image_registry.port}/{unique}:1"
    with pytest.raises(ImagePushError, match=f"'{NAME}:{image_registry.port}' cannot be reached"):
        images.push(small_image, place)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    images.push(small_image, place)
    assert images.base(place).configuration.id == small_image.id
    sent = {line.split()[0] for line in proxy.asked}
    assert sent == {"HEAD", "POST", "PUT", "GET"}
    # One that is excepted is reached without it.
    before = len(proxy.asked)
    monkeypatch.setenv("NO_PROXY", "localhost")
    images.push(small_image, f"{image_registry.address}/{unique}/near:1")
    assert len(proxy.asked) == before


def test_a_registry_by_tls_is_reached_through_the_proxy(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    certificate: Path,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = make_image_registry(certificate=certificate)
    place = f"{NAME}:{registry.port}/ml/echo:1"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "ca.crt"))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    images.push(small_image, place)
    assert images.base(place).configuration.id == small_image.id
    assert {line.split()[:2] == ["CONNECT", f"{NAME}:{registry.port}"] for line in proxy.asked} == {
        True
    }


def test_a_proxy_that_is_not_there_is_told(
    images: Images, small_image: Image, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    del proxy
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(ImagePushError, match=r"the proxy in the way says: .*refused") as caught:
        images.push(small_image, f"{NAME}/ml/echo:1")
    assert "HTTPS_PROXY" in (caught.value.hint or "")
