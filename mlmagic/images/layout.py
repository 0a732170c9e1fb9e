"""OCI image layouts: an image as a folder or a tar, for machines without a network.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ImageBuildError, ImagePullError
from mlmagic.files import PIECE, storage_faults
from mlmagic.images.bases import Base, Configuration, Search
from mlmagic.images.blobs import Blob
from mlmagic.images.layers import file_chunks
from mlmagic.images.manifest import MANIFEST
from mlmagic.images.remote import MEDIA_TYPES, names_in
from mlmagic.images.tars import stream_member

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmagic.images.bases import Python
    from mlmagic.images.blobs import BlobStore
    from mlmagic.images.manifest import Packed
    from mlmagic.images.store import FactStore

_LAYOUT = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()


def write_layout(packed: Packed, place: Path, *, name: str) -> None:
    """Write an image as a layout: a folder, or a tar where the name ends in ``.tar``.

    Args:
        packed: The image.
        place: What to make; an existing folder must be empty, an existing file is replaced.
        name: The tag that readers find it by.

    Raises:
        ImageBuildError: It cannot be written; nothing half made stays.
    """
    with storage_faults(place, ImageBuildError):
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".tar":
            _write_tar(packed, place, name)
        else:
            _write_folder(packed, place, name)


def archive(
    packed: Packed, *, name: str | None = None, skip: Iterable[Blob] = ()
) -> Iterator[bytes]:
    """Give an image's layout as a tar.

    Args:
        packed: The image.
        name: The tag that readers find it by.
        skip: Layers that the reader has.
    """
    for path, size, stream in _files(packed, name, skip):
        yield from stream_member(path, size, stream)
    yield bytes(1024)


def _write_tar(packed: Packed, place: Path, name: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.writelines(archive(packed, name=name))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(place)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _write_folder(packed: Packed, place: Path, name: str) -> None:
    building = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        for path, _, stream in _files(packed, name):
            file = building / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as target:
                target.writelines(stream)
        building.chmod(0o755)
        if place.exists():
            place.rmdir()  # refuses one with something in it
        building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _files(
    packed: Packed, name: str | None, skip: Iterable[Blob] = ()
) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    described: dict[str, object] = {
        "mediaType": MANIFEST,
        "digest": packed.digest,
        "size": len(packed.manifest),
    }
    if name is not None:
        described["annotations"] = {
            "org.opencontainers.image.ref.name": name,
            # Runtimes that load the layout keep it under this, where it is a whole name.
            **({"io.containerd.image.name": name} if "/" in name else {}),
        }
    data = json.dumps({"schemaVersion": 2, "manifests": [described]}, sort_keys=True).encode()
    yield "oci-layout", len(_LAYOUT), [_LAYOUT]
    yield "index.json", len(data), [data]
    yield _place(packed.digest), len(packed.manifest), [packed.manifest]
    written = {blob.digest for blob in skip}
    for blob in (packed.config, *packed.layers):
        if blob.digest not in written:
            yield _place(blob.digest), blob.size, blob.stream()
        written.add(blob.digest)


def _place(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


class Folder:
    """The files of a layout that is a folder.

    Args:
        path: The folder.
    """

    kind = "oci"

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}"

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return b"".join(self.stream(name))

    def stream(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece."""
        return file_chunks(self.path / name)


class Archive(Folder):
    """The files of a layout that is a tar."""

    kind = "oci-archive"

    def stream(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece."""
        with tarfile.open(self.path) as tar:
            file = tar.extractfile(_find(tar, name))
            if file is None:
                raise KeyError(f"'{name}' is no file")
            yield from iter(lambda: file.read(PIECE), b"")


KINDS: dict[str, type[Folder]] = {each.kind: each for each in (Folder, Archive)}


def _find(tar: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    try:
        return tar.getmember(name)
    except KeyError:
        return tar.getmember(f"./{name}")  # as 'tar -cf FILE .' writes them


def find_base(place: Folder, *, architecture: str, wanted: str | None, facts: FactStore) -> Base:
    """Look at the image of a layout as a base.

    Raises:
        ImagePullError: There is none for this architecture.
    """
    with _faults(place):
        manifest = _manifest(place, architecture)
        digest = manifest["config"]["digest"]
        config = json.loads(place.read(_place(digest)))
        configuration = Configuration.read(digest, config, config["rootfs"]["diff_ids"])
        source = LayoutSource(place, manifest["layers"])

    def look() -> Python:
        search = Search(configuration, wanted)
        for blob in source.blobs(None):
            search.see_layer(names_in(blob.stream()))
        return search.result()

    python = facts.python(configuration, wanted, look)
    return Base(str(place), configuration, python, source)


@contextmanager
def _faults(place: Folder) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, tarfile.TarError) as error:
        said = error.args[0] if isinstance(error, KeyError) else error
        raise ImagePullError(
            f"The layout '{place.path}' cannot be read as an image: {said}.",
            hint=f"Make one with: skopeo copy docker://NAME {place.kind}:PATH.",
        ) from error


class LayoutSource:
    """The layers of a base image that lies in a layout."""

    def __init__(self, place: Folder, descriptors: Sequence[dict[str, Any]]) -> None:
        self._files = place
        self._descriptors = descriptors

    def blobs(self, _store: BlobStore | None) -> list[Blob]:
        """Describe the layers."""
        return [self._blob(each) for each in self._descriptors]

    def _blob(self, descriptor: dict[str, Any]) -> Blob:
        digest, kind = str(descriptor["digest"]), str(descriptor["mediaType"])

        def stream() -> Iterator[bytes]:
            with _faults(self._files):
                yield from self._files.stream(_place(digest))

        return Blob(digest, int(descriptor["size"]), MEDIA_TYPES.get(kind, kind), stream)


def _manifest(place: Folder, architecture: str) -> dict[str, Any]:
    entries = json.loads(place.read("index.json"))["manifests"]
    while True:
        fitting = [
            each
            for each in entries
            if (each.get("platform") or {}).get("architecture", architecture) == architecture
        ]
        if not fitting:
            raise ImagePullError(
                f"The layout '{place.path}' has no image for '{architecture}'.",
                hint="Choose another base_image.",
            )
        content: dict[str, Any] = json.loads(place.read(_place(fitting[0]["digest"])))
        if "manifests" not in content:
            return content
        entries = content["manifests"]
