"""Bases that are files: layouts as folders and tars, and what ``docker save`` writes."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

import pytest

from mlmagic.errors import ImagePullError
from mlmagic.images import Images
from tests.images.disk_bases import PROGRAM, digest, packed, tar, write

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.environments import Environments
    from mlmagic.testing import ServiceKit


@pytest.fixture
def images(tmp_path: Path, kit: ServiceKit) -> Images:
    """Images on a cache of the test's own: what is known of a base is not looked for again."""
    return Images(tmp_path / "cache", content=kit.content)


KINDS = pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])


@KINDS
def test_a_base_is_found_whatever_it_is_kept_in(images: Images, tmp_path: Path, kind: str) -> None:
    reference = write(tmp_path, kind)
    base = images.base(reference, python_version="3.11")
    assert (base.reference, base.python) == (reference, f"/{PROGRAM}")
    layer = tar({"etc/motd": b"x" * 3000, PROGRAM: b""})
    assert base.configuration.layers == (digest(layer),)
    [blob] = base.source.blobs(images.blobs)
    data = b"".join(blob.stream())
    assert (digest(data), len(data)) == (blob.digest, blob.size)
    assert gzip.decompress(data) == layer


@KINDS
def test_a_base_without_a_python_is_refused(images: Images, tmp_path: Path, kind: str) -> None:
    reference = write(tmp_path, kind, program="usr/bin/perl")
    with pytest.raises(ImagePullError, match="has no Python") as caught:
        images.base(reference)
    assert f"'{reference}'" in str(caught.value)
    assert "base_dockerfile" in (caught.value.hint or "")


@KINDS
@pytest.mark.parametrize(
    "above",
    [
        ["usr/local/bin/.wh.python3.11"],
        ["./usr/.wh.local"],
        [".wh.usr"],
        ["usr/local/bin/.wh..wh..opq"],
    ],
)
def test_a_python_that_an_upper_layer_deletes_is_not_there(
    images: Images, tmp_path: Path, kind: str, above: list[str]
) -> None:
    with pytest.raises(ImagePullError, match="has no Python"):
        images.base(write(tmp_path, kind, above=above))


@KINDS
def test_a_python_that_an_upper_layer_puts_in_the_place_of_another_is_found(
    images: Images, tmp_path: Path, kind: str
) -> None:
    above = ["usr/local/bin/python3.12", "usr/local/bin/.wh..wh..opq"]
    base = images.base(write(tmp_path, kind, above=above), python_version="3.11")
    assert (base.python, base.python_version) == ("/usr/local/bin/python3.12", "3.12")


@KINDS
def test_what_is_not_there_or_no_image_is_refused(
    images: Images, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(ImagePullError, match="nothing-here"):
        images.base(f"{kind}:{tmp_path}/nothing-here")
    (tmp_path / "text").write_text("no image")
    with pytest.raises(ImagePullError, match="text") as caught:
        images.base(f"{kind}:{tmp_path}/text")
    assert caught.value.hint


@KINDS
def test_a_base_for_another_processor_than_asked_for_is_refused(
    images: Images, tmp_path: Path, kind: str
) -> None:
    reference = write(tmp_path, kind, architecture="arm64")
    with pytest.raises(ImagePullError, match="is for 'arm64', not for 'amd64'"):
        images.base(reference, architecture="amd64")
    assert images.base(reference, architecture="arm64").configuration.architecture == "arm64"


@KINDS
def test_a_base_that_lacks_a_layer_is_refused(images: Images, tmp_path: Path, kind: str) -> None:
    reference = write(tmp_path, kind)
    layer = tar({"etc/motd": b"x" * 3000, PROGRAM: b""})
    lacking = {len(layer), len(packed(layer))}
    remove(tmp_path / kind, lacking)
    with pytest.raises(ImagePullError, match="cannot be read as an image") as caught:
        images.base(reference)
    assert caught.value.hint


def test_an_image_of_ours_says_nothing_of_its_sources_to_what_stands_on_it(
    tmp_path: Path, kit: ServiceKit, environments: Environments
) -> None:
    images = Images(tmp_path / "cache", content=kit.content, environments=environments)
    base = images.base(write(tmp_path, "oci"), python_version="3.11")
    below = images.service(kit.spec(source_directory="project"), base)
    images.save(below, tmp_path / "below.tar", name="below")
    assert "AZUREML_SOURCE_DIRECTORY=project" in below.config["config"]["Env"]
    ours = images.base(f"oci-archive:{tmp_path / 'below.tar'}", python_version="3.11")
    above = images.service(kit.spec(), ours)
    assert "AZUREML_SOURCE_DIRECTORY" not in str(above.config["config"]["Env"])


def remove(place: Path, sizes: set[int]) -> None:
    """Remove what has one of these sizes."""
    if place.is_dir():
        for path in place.rglob("*"):
            if path.is_file() and path.stat().st_size in sizes:
                path.unlink()
        return
    with tarfile.open(place) as archive:
        left = {
            entry.name: archive.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in archive
            if entry.size not in sizes
        }
    place.write_bytes(tar(left))
