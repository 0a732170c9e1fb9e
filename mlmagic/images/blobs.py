"""Layers as registries keep them: compressed where it is worth it, known by their digests."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError, ImageBuildError
from mlmagic.files import read_record, storage_faults, write_record
from mlmagic.images.layers import file_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlmagic.images.layers import Layer
    from mlmagic.images.reference import Reference

TAR = "application/vnd.oci.image.layer.v1.tar"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
_PIECE = 4 << 20
_LEVEL = 4
_MEMBER_WBITS = 31  # zlib's word for gzip


@dataclass(frozen=True)
class Blob:
    """What a manifest points to.

    Attributes:
        digest: ``sha256:`` and 64 digits of the bytes as they are kept.
        size: Bytes.
        media_type: What it is.
        stream: Gives the bytes.
        origin: The repository that it can be mounted from.
    """

    digest: str
    size: int
    media_type: str
    stream: Callable[[], Iterable[bytes]]
    origin: Reference | None = None

    @property
    def descriptor(self) -> dict[str, object]:
        """How a manifest names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class _Facts:
    digest: str
    size: int


class BlobStore:
    """Compressed layers in the user's cache.

    Args:
        root: ``CACHE/images``.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / "blobs"

    def layer(self, layer: Layer) -> Blob:
        """Return a layer as a blob.

        Packages are compressed, once. Models and sources are not: weights hardly shrink, and so
        there is no second copy of them and no wait.
        """
        if layer.stored is None:
            return Blob(layer.diff_id, layer.size, TAR, layer.stream)
        return self.compressed(layer.diff_id, layer.stream)

    def compressed(self, diff_id: str, stream: Callable[[], Iterable[bytes]]) -> Blob:
        """Compress a tar, or take it from the cache; equal tars give equal blobs.

        Raises:
            ImageBuildError: The cache cannot be written.
        """
        from filelock import FileLock

        file, record = self._files(diff_id)
        name = record.stem
        with storage_faults(file, ImageBuildError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f".{name}.lock"):
                blob = self.known(diff_id)
                if blob is None:
                    write_record(record, _compress(stream(), file))
                    blob = self.known(diff_id)
        assert blob is not None  # noqa: S101 - it was written just now
        return blob

    def known(self, diff_id: str) -> Blob | None:
        """Return the compressed form of a layer, where the cache has it."""
        file, record = self._files(diff_id)
        facts = _known(record) if file.exists() else None
        if facts is None:
            return None
        return Blob(facts.digest, facts.size, GZIP, lambda: file_chunks(file))

    def size(self, diff_id: str) -> int:
        """Bytes of the compressed form of a layer; 0 where there is none."""
        file, _ = self._files(diff_id)
        return file.stat().st_size if file.exists() else 0

    def remove(self, diff_id: str) -> None:
        """Remove the compressed form of a layer."""
        for file in self._files(diff_id):
            file.unlink(missing_ok=True)

    def _files(self, diff_id: str) -> tuple[Path, Path]:
        name = diff_id.removeprefix("sha256:")
        return self.folder / f"{name}.tar.gz", self.folder / f"{name}.json"


def _known(record: Path) -> _Facts | None:
    try:
        return read_record(record, _Facts)
    except (FileNotFoundError, ConfigurationError):
        return None


def _compress(stream: Iterable[bytes], file: Path) -> _Facts:
    digest, size = hashlib.sha256(), 0
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as target, ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in _ahead(pool, _pieces(stream)):
                digest.update(part)
                size += len(part)
                target.write(part)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return _Facts(f"sha256:{digest.hexdigest()}", size)


def _ahead(pool: ThreadPoolExecutor, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compress pieces side by side, in order, without reading all of them first."""
    waiting = []
    for piece in pieces:
        waiting.append(pool.submit(_member, piece))
        if len(waiting) > 2 * (os.cpu_count() or 1):
            yield waiting.pop(0).result()
    for each in waiting:
        yield each.result()


def _member(piece: bytes) -> bytes:
    """Compress to a gzip member without time or name; members in a row are one gzip file."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _MEMBER_WBITS)
    return packer.compress(piece) + packer.flush()


def _pieces(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Cut anew, at places that do not depend on how the stream came."""
    buffer = bytearray()
    for chunk in stream:
        buffer += chunk
        while len(buffer) >= _PIECE:
            yield bytes(buffer[:_PIECE])
            del buffer[:_PIECE]
    if buffer:
        yield bytes(buffer)
