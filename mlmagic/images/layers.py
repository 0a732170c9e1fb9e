"""Layers: tars with a digest, cached by what they are made from."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError, ImageBuildError
from mlmagic.files import PIECE, read_record, storage_faults, sync_directory, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True)
class Layer:
    """One layer of an image.

    Attributes:
        diff_id: ``sha256:`` and the digest of the tar.
        size: Bytes of the tar.
        title: What is in it, for the image's history.
        stream: Gives the tar's bytes, the same each time.
        stored: The tar on the disk, for layers that are worth compressing; None for content that
            is made anew each time (models, sources).
    """

    diff_id: str
    size: int
    title: str
    stream: Callable[[], Iterable[bytes]]
    stored: Path | None = None


@dataclass(frozen=True)
class _Facts:
    diff_id: str
    size: int


class LayerStore:
    """Layers in the user's cache, shared by all workspaces.

    ``layers/KEY/layer.tar`` is complete as soon as the folder has its name; what was interrupted
    never has it.

    Args:
        root: ``CACHE/images``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layers = root / "layers"

    def stored(self, key: str, title: str, make: Callable[[Path], Iterable[bytes]]) -> Layer:
        """Return the layer of a key; it is made once, whoever asks at the same time.

        Args:
            key: The digest of all that decides the content.
            title: What is in it.
            make: Given an empty folder to work in, gives the bytes of the tar.

        Raises:
            ImageBuildError: The cache cannot be written.
        """
        place = self.layers / key
        with storage_faults(place, ImageBuildError):
            if not place.is_dir():
                with self.exclusive(key):
                    if not place.is_dir():
                        self._make(place, make)
            facts = read_record(place / "layer.json", _Facts)
        tar = place / "layer.tar"
        return Layer(facts.diff_id, facts.size, title, lambda: file_chunks(tar), tar)

    def streamed(self, key: str, title: str, stream: Callable[[], Iterable[bytes]]) -> Layer:
        """Return a layer that is made anew each time; only its digest is cached."""
        record = self.layers / f"{key}.json"
        try:
            facts = read_record(record, _Facts)
        except (FileNotFoundError, ConfigurationError):
            facts = _digest(stream())
            with storage_faults(record, ImageBuildError):
                write_record(record, facts)
        return Layer(facts.diff_id, facts.size, title, stream)

    def diff_id(self, key: str) -> str:
        """Return the digest of a stored layer.

        Raises:
            FileNotFoundError: There is none of this key.
        """
        return read_record(self.layers / key / "layer.json", _Facts).diff_id

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Hold the right to make or remove what a key names."""
        from filelock import FileLock

        self.layers.mkdir(parents=True, exist_ok=True)
        with FileLock(self.layers / f".{key}.lock"):
            yield

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let nobody prune layers, for as long as an image is made of them and travels."""
        with self._held(fcntl.LOCK_SH):
            yield

    @contextmanager
    def out_of_use(self) -> Iterator[bool]:
        """Say whether nobody has layers in use; nobody begins to meanwhile."""
        with self._held(fcntl.LOCK_EX | fcntl.LOCK_NB) as is_held:
            yield is_held

    @contextmanager
    def _held(self, how: int) -> Iterator[bool]:
        """Lock the file that says who uses layers, where it can be: it ends with its holder."""
        with ExitStack() as stack:
            is_held = False
            with suppress(OSError):  # others use them; or a cache that can only be read
                self.layers.mkdir(parents=True, exist_ok=True)
                users = stack.enter_context((self.layers / ".users.lock").open("a"))
                fcntl.flock(users, how)
                is_held = True
            yield is_held

    def _make(self, place: Path, make: Callable[[Path], Iterable[bytes]]) -> None:
        # We hold the lock, so whoever began these is dead.
        for leftover in place.parent.glob(f".{place.name}.building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        building = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.building-"))
        try:
            work, done = building / "work", building / "done"
            work.mkdir()
            done.mkdir()
            with (done / "layer.tar").open("wb") as target:
                facts = _digest(make(work), target.write)
            write_record(done / "layer.json", facts)
            done.rename(place)
            sync_directory(place.parent)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def file_chunks(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece."""
    with path.open("rb") as stream:
        while chunk := stream.read(PIECE):
            yield chunk


def _digest(
    stream: Iterable[bytes], write: Callable[[bytes], object] = lambda _chunk: None
) -> _Facts:
    digest, size = hashlib.sha256(), 0
    for chunk in stream:
        digest.update(chunk)
        size += len(chunk)
        write(chunk)
    return _Facts(f"sha256:{digest.hexdigest()}", size)
