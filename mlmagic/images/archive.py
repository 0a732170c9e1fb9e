"""Docker archives: what ``docker load`` reads and ``docker save`` writes."""

from __future__ import annotations

import gzip
import json
import tarfile
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, cast

from mlmagic.errors import ImagePullError
from mlmagic.files import PIECE, digest_bytes
from mlmagic.images.bases import Base, Configuration, Search
from mlmagic.images.tars import Entry, member, stream_member

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlmagic.images.bases import Python
    from mlmagic.images.blobs import Blob, BlobStore
    from mlmagic.images.image import Image
    from mlmagic.images.store import FactStore


def docker_archive(
    image: Image,
    *,
    skip: int = 0,
    base: SavedImage | None = None,
    tags: Iterable[str] = (),
) -> Iterator[bytes]:
    """Write an image as a Docker archive.

    Args:
        image: The image.
        skip: How many of our layers are left out: the reader has them.
        base: Where the base's layers are; None leaves them out too.
        tags: Names to load it by.
    """
    config = f"{image.id.removeprefix('sha256:')}.json"
    yield from member(Entry(config, image.configuration))
    written = set()
    for diff_id, size, content in base.layers() if base else ():
        if diff_id not in written:
            yield from stream_member(_place(diff_id), size, content)
        written.add(diff_id)
    for layer in image.layers[skip:]:
        if layer.diff_id not in written:
            yield from stream_member(_place(layer.diff_id), layer.size, layer.stream())
        written.add(layer.diff_id)
    manifest = {
        "Config": config,
        "RepoTags": list(tags),
        "Layers": [_place(diff_id) for diff_id in image.diff_ids],
    }
    yield from member(Entry("manifest.json", json.dumps([manifest]).encode()))
    yield bytes(1024)


class SavedImage:
    """An image in a Docker archive on the disk.

    Args:
        path: The archive; it has to stay while the image is used.

    Raises:
        ImagePullError: It is no archive with one image.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._faults(), tarfile.open(path) as tar:
            listed = json.loads(_read(tar, "manifest.json"))
            if len(listed) != 1:
                raise ImagePullError(
                    f"The archive '{path}' holds {len(listed)} images; one is needed.",
                    hint="Save one image: docker save NAME:TAG.",
                )
            data = _read(tar, listed[0]["Config"])
        config = json.loads(data)
        self._places: list[str] = listed[0]["Layers"]
        self.configuration = Configuration.read(
            f"sha256:{digest_bytes(data)}", config, config["rootfs"]["diff_ids"]
        )

    def base(self, reference: str, *, wanted: str | None, facts: FactStore) -> Base:
        """Look at it as a base image.

        Raises:
            ImagePullError: It cannot be read.
        """

        def look() -> Python:
            search = Search(self.configuration, wanted)
            with self._faults(), tarfile.open(self.path) as tar:
                for place in self._places:
                    with tarfile.open(fileobj=_member(tar, place), mode="r:*") as layer:
                        search.see_layer(layer.getnames())
            return search.result()

        python = facts.python(self.configuration, wanted, look)
        return Base(reference, self.configuration, python, self)

    def layers(self) -> Iterator[tuple[str, int, Iterator[bytes]]]:
        """Give each layer's digest, size and tar, the lowest first; read them in this order."""
        with self._faults(), tarfile.open(self.path) as tar:
            for diff_id, place in zip(self.configuration.layers, self._places, strict=True):
                with closing(_plain(_member(tar, place))) as stream:
                    stream.seek(0, 2)
                    size = stream.tell()
                    stream.seek(0)
                    yield diff_id, size, iter(lambda: stream.read(PIECE), b"")

    def blobs(self, store: BlobStore) -> list[Blob]:
        """Describe the layers as blobs, compressed once."""
        return [
            store.compressed(diff_id, lambda content=content: content)  # type: ignore[misc]
            for diff_id, _, content in self.layers()
        ]

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (OSError, tarfile.TarError, KeyError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ImagePullError(
                f"The archive '{self.path}' cannot be read as an image: {said}.",
                hint="Make it with: docker save NAME:TAG -o FILE.",
            ) from error


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    return _member(tar, name).read()


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)  # follows the links that equal layers are
    if found is None:
        raise KeyError(f"'{name}' is not in it")
    return found


def _plain(stream: IO[bytes]) -> IO[bytes]:
    """Return a layer uncompressed, as its digest is made of."""
    magic = stream.read(2)
    stream.seek(0)
    return cast("IO[bytes]", gzip.open(stream)) if magic == b"\x1f\x8b" else stream


def _place(diff_id: str) -> str:
    return f"{diff_id.removeprefix('sha256:')}/layer.tar"
