"""Registries that stop answering half-way."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ImagePullError, ImagePushError
from mlmagic.images import Images, client
from mlmagic.images.image import make_image
from tests.engine.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic.environments import Environments
    from mlmagic.images import Image
    from mlmagic.testing import ServiceKit
    from tests.engine.registry import Registry

HALF = 200_000  # bytes: more than a base of these tests, less than packages


@pytest.fixture
def relay(image_registry: Registry) -> Iterator[Relay]:
    """Leads to a registry, and can be made to fall silent."""
    with Relay(image_registry.port) as relay:
        yield relay


@contextmanager
def silence(relay: Relay) -> Iterator[None]:
    """Let a registry fall silent half-way; who waits for it waits a second instead of a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "READ_SECONDS", 1)
        relay.silent_after(HALF)
        yield
    relay.silent_after(None)


def test_a_push_that_meets_silence_says_so_and_leaves_no_tag(
    images: Images, small_image: Image, image_registry: Registry, relay: Relay, unique: str
) -> None:
    said = f"'{relay.address}' stopped answering"
    with silence(relay), pytest.raises(ImagePushError, match=said) as caught:
        images.push(small_image, f"{relay.address}/{unique}:1")
    assert "try again" in (caught.value.hint or "")
    direct = f"{image_registry.address}/{unique}:1"
    with pytest.raises(ImagePullError, match="does not exist"):
        images.base(direct)
    pushed = images.push(small_image, f"{relay.address}/{unique}:1")
    assert pushed == images.pack(small_image).digest
    assert images.base(direct).configuration.id == small_image.id


def test_an_upload_whose_answer_is_lost_is_no_failure(
    images: Images, small_image: Image, image_registry: Registry, relay: Relay, unique: str
) -> None:
    relay.lose_answer(b"PUT /v2/" + unique.encode() + b"/blobs/uploads/")
    pushed = images.push(small_image, f"{relay.address}/{unique}:1")
    assert pushed == images.pack(small_image).digest
    puts = [each for each in image_registry.requests("PUT") if f"/{unique}/blobs/" in each]
    # Nothing was sent twice.
    assert [each.rpartition(" ")[2] for each in puts] == ["201"] * len(puts)
    assert len(puts) == len(small_image.diff_ids) + 1


def test_a_base_whose_registry_falls_silent_leaves_nothing_half_made(
    images: Images,
    small_image: Image,
    kit: ServiceKit,
    environments: Environments,
    image_registry: Registry,
    relay: Relay,
    unique: str,
    tmp_path: Path,
) -> None:
    images.push(small_image, f"{image_registry.address}/{unique}:1")
    reference, said = f"{relay.address}/{unique}:1", f"'{relay.address}' stopped answering"
    base = images.base(reference, python_version="3.11")
    image, place = make_image(base, ()), tmp_path / "made" / "layout.tar"
    with silence(relay), pytest.raises(ImagePullError, match=said) as caught:
        images.save(image, place, name="some")
    assert "try again" in (caught.value.hint or "")
    assert not [*place.parent.iterdir()]
    fresh = Images(tmp_path / "fresh", content=kit.content, environments=environments)
    with silence(relay), pytest.raises(ImagePullError, match=said):
        fresh.base(reference, python_version="3.11")
    assert fresh.base(reference, python_version="3.11").python == base.python
    images.save(image, place, name="some")
    assert place.is_file()
