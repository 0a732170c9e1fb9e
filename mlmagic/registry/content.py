"""Files known by their SHA-256: each content is stored once, read-only, and never half."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlmagic.entities import ContentFile
from mlmagic.errors import ModelIntegrityError, RegistryError
from mlmagic.files import digest_file, digest_text, sync_directory
from mlmagic.registry.faults import storage_faults
from mlmagic.registry.sources import changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmagic.registry.remote import RemoteStore

_CHUNK = 1 << 20
_READ_ONLY = 0o444
# Of a larger file the digest is taken before it is copied: what is there already is not written.
_LARGE = 64 << 20
# What is younger may belong to a registration that is under way in another process.
GRACE_SECONDS = 3600.0


class ContentStore:
    """A folder of files named by their digests; with a shared store behind it, also its cache.

    Layout: ``sha256/ab/ab12…`` for contents, ``incoming/`` for what is being written, ``shared/``
    for marks on contents that the shared store has, or is getting, too. A content gets its name
    by a rename after it is complete and synced, so a process killed in between leaves a temporary
    only. Contents appear and vanish under a lock, and using one makes it young: what is old and
    unused can be taken away while others work.

    Args:
        root: The folder; it is made when something is added.
        remote: The shared store that contents are fetched from where they are missing here.
        cache_bytes: How much of the shared store to keep here; None is all.
    """

    def __init__(
        self, root: Path, *, remote: RemoteStore | None = None, cache_bytes: int | None = None
    ) -> None:
        self.root = root
        self.remote = remote
        self.cache_bytes = cache_bytes

    def add(self, path: Path, *, name: str, shared: bool = False) -> ContentFile:
        """Store a copy of a file.

        Args:
            path: The file to read.
            name: Its path inside the tree it belongs to.
            shared: It goes to the shared store as well: here it may be taken away then.

        Raises:
            RegistryError: The file cannot be read or changes meanwhile, or the store cannot be
                written.
        """
        try:
            stream = path.open("rb")
        except OSError as error:
            raise RegistryError(
                f"The file '{path}' cannot be read ({error.strerror}).",
                hint="Check its permissions.",
            ) from error
        with stream, _unchanged(stream, path):
            if os.fstat(stream.fileno()).st_size >= _LARGE:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                file = ContentFile(path=name, sha256=digest, size=stream.tell())
                if self._renew(file, shared=shared):
                    return file
                stream.seek(0)
                return self._store(stream, name, known=file, shared=shared)
            return self._store(stream, name, shared=shared)

    def add_bytes(self, data: bytes, *, name: str, shared: bool = False) -> ContentFile:
        """Store bytes under a name."""
        import io

        return self._store(io.BytesIO(data), name, shared=shared)

    def place(self, file: ContentFile, destination: Path, *, link: bool = True) -> None:
        """Put a content where it is to be used, after checking its digest.

        Args:
            file: What to place; its path is not used.
            destination: The file to make; an existing one is replaced.
            link: Share the bytes by a hard link where the file system can; the file is then
                read-only. Else, a copy that its owner may write.

        Raises:
            ModelIntegrityError: The stored content is missing or damaged.
        """
        source = self.check(file)
        with storage_faults(destination):
            destination.parent.mkdir(parents=True, exist_ok=True)
            short = digest_text(destination.name)[:16]  # its own may be as long as names can be
            temporary = destination.with_name(f".{short}.{os.getpid()}.part")
            temporary.unlink(missing_ok=True)
            try:
                if not (link and _linked(source, temporary)):
                    shutil.copyfile(source, temporary)
                    temporary.chmod(_READ_ONLY if link else 0o644)
                temporary.replace(destination)
            finally:
                # A rename onto a link to the same content does nothing: the temporary stays.
                temporary.unlink(missing_ok=True)

    def read_bytes(self, file: ContentFile) -> bytes:
        """Return a content, after checking its digest."""
        try:
            data = self._present(file).read_bytes()
        except FileNotFoundError as error:
            raise self._missing(file) from error
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise self._damaged(file)
        return data

    def check(self, file: ContentFile) -> Path:
        """Return where a content lies; ModelIntegrityError unless it is whole.

        One that is missing or damaged here is fetched from the shared store, where there is one.
        """
        path = self._present(file)
        if is_whole(path, file):
            return path
        if self.remote is None:
            raise self._damaged(file)
        path.unlink(missing_ok=True)
        self._fetch(file)
        return path

    def path(self, sha256: str) -> Path:
        """Say where a content of this digest lies or would lie."""
        return self.root / "sha256" / sha256[:2] / sha256

    def digests(self) -> Iterator[str]:
        """Walk over what is stored here."""
        for path in sorted((self.root / "sha256").glob("??/*")):
            yield path.name

    def temporaries(self) -> list[Path]:
        """List what is being written, or was left half written."""
        return sorted((self.root / "incoming").glob("*"))

    def is_cached(self, sha256: str) -> bool:
        """Say whether a content is here only as a copy of the shared store's."""
        return self._mark(sha256).exists()

    def renew(self, file: ContentFile) -> bool:
        """Make a content young, so that nobody takes it for a leftover; False where it is gone."""
        with self._lock(file.sha256):
            return self._touch(file.sha256)

    def renew_all(self, files: Iterable[ContentFile]) -> list[ContentFile]:
        """Make contents young, and return those that are gone: one lock for many."""
        gone: list[ContentFile] = []
        for _, together in groupby(sorted(files, key=_prefix), key=_prefix):
            alike = list(together)
            with self._lock(alike[0].sha256):
                gone += [file for file in alike if not self._touch(file.sha256)]
        return gone

    def discard(self, sha256: str, *, grace_seconds: float = GRACE_SECONDS) -> bool:
        """Take a content away unless it is young; say whether it went."""
        path = self.path(sha256)
        with self._lock(sha256):
            if not is_old(path, grace_seconds):
                return False
            path.unlink(missing_ok=True)
            self._mark(sha256).unlink(missing_ok=True)
            return True

    def _present(self, file: ContentFile) -> Path:
        path = self.path(file.sha256)
        with storage_faults(path):
            if path.is_file():
                if self.remote is not None:
                    self.renew(file)
                return path
            if self.remote is None:
                raise self._missing(file)
        self._fetch(file)
        return path

    def _fetch(self, file: ContentFile) -> None:
        """Take a content from the shared store into this one."""
        assert self.remote is not None  # noqa: S101 - both callers have looked
        with self._temporary() as temporary:
            self.remote.get(file, temporary)
            if not is_whole(temporary, file):
                raise ModelIntegrityError(
                    f"The content of '{file.path}' in '{self.remote.place}' does not match its"
                    f" digest sha256:{file.sha256[:12]}.",
                    hint="Run %ml model verify --repair; registering the same content again"
                    " restores it.",
                )
            self._adopt(temporary, file, shared=True)
        if self.cache_bytes is not None:
            from mlmagic.registry.cache import trim

            trim(self, self.cache_bytes)

    def _store(
        self,
        stream: BinaryIO,
        name: str,
        *,
        known: ContentFile | None = None,
        shared: bool = False,
    ) -> ContentFile:
        with storage_faults(self.root), self._temporary() as temporary:
            with temporary.open("wb") as target:
                if known is None:
                    digest, size = _copy(stream, target)
                    file = ContentFile(path=name, sha256=digest, size=size)
                else:
                    file = known
                    shutil.copyfileobj(stream, target, _CHUNK)
                target.flush()
                os.fsync(target.fileno())
            self._adopt(temporary, file, shared=shared)
        return file

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        incoming = self.root / "incoming"
        with storage_faults(self.root):
            incoming.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=incoming, prefix=f"{os.getpid()}-")
            os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _adopt(self, temporary: Path, file: ContentFile, *, shared: bool = False) -> None:
        with storage_faults(self.root), self._lock(file.sha256):
            if self._is_there(file, shared=shared):
                return
            temporary.chmod(_READ_ONLY)
            path = self.path(file.sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            if shared and not path.exists():
                self._mark(file.sha256).parent.mkdir(parents=True, exist_ok=True)
                self._mark(file.sha256).touch()
            temporary.replace(path)
            sync_directory(path.parent)

    def _renew(self, file: ContentFile, *, shared: bool) -> bool:
        """Say whether a content is here and whole, making it young before looking."""
        with storage_faults(self.root), self._lock(file.sha256):
            return self._is_there(file, shared=shared)

    def _is_there(self, file: ContentFile, *, shared: bool) -> bool:
        """The same, under the lock."""
        there = self._touch(file.sha256)
        if there and not shared:  # somebody needs it here: it is no mere copy any more
            self._mark(file.sha256).unlink(missing_ok=True)
        path = self.path(file.sha256)
        if file.size >= _LARGE:  # reading it again would double the time; `verify` does
            return there and path.stat().st_size == file.size
        return there and is_whole(path, file)

    def _touch(self, sha256: str) -> bool:
        path = self.path(sha256)
        if not path.is_file():
            return False
        with suppress(PermissionError):
            os.utime(path)
        return True

    def _mark(self, sha256: str) -> Path:
        return self.root / "shared" / sha256[:2] / sha256

    @contextmanager
    def _lock(self, sha256: str) -> Iterator[None]:
        """Hold the lock of all contents whose digests begin alike."""
        from filelock import FileLock

        folder = self.root / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{sha256[:2]}.lock")
            lock.acquire()
        except PermissionError:
            yield  # a store that only others may change
            return
        try:
            yield
        finally:
            lock.release()

    def _missing(self, file: ContentFile) -> ModelIntegrityError:
        return ModelIntegrityError(
            f"The content of '{file.path}' (sha256:{file.sha256[:12]}) is missing from the store.",
            hint="Run %ml model verify; registering the same content again restores it. Those who"
            " share a catalogue need a shared store, too (setting 'store_url').",
        )

    def _damaged(self, file: ContentFile) -> ModelIntegrityError:
        return ModelIntegrityError(
            f"The stored content of '{file.path}' does not match its digest"
            f" sha256:{file.sha256[:12]}.",
            hint="Run %ml model verify --repair; registering the same content again restores it.",
        )


def _prefix(file: ContentFile) -> str:
    """What contents under one lock have in common."""
    return file.sha256[:2]


def is_whole(path: Path, file: ContentFile) -> bool:
    """Say whether a file has the size and the digest that a content should have."""
    with storage_faults(path):
        return path.stat().st_size == file.size and digest_file(path) == file.sha256


def is_old(path: Path, grace_seconds: float) -> bool:
    """Say whether a file is there and was not used within the grace time."""
    return path.exists() and time.time() - path.stat().st_mtime > grace_seconds


@contextmanager
def _unchanged(stream: BinaryIO, path: Path) -> Iterator[None]:
    """Refuse a file that is written while it is read."""

    def look() -> tuple[int, int, int]:
        found = os.fstat(stream.fileno())
        return found.st_size, found.st_mtime_ns, found.st_ino

    before = look()
    yield
    if look() != before:
        raise changed(path)


def _copy(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    return digest.hexdigest(), size


def _linked(source: Path, destination: Path) -> bool:
    unlinkable = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES}
    try:
        destination.hardlink_to(source)
    except OSError as error:
        if error.errno in unlinkable:
            return False
        raise
    return True
