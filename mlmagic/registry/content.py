"""Files known by their SHA-256: each content is stored once, read-only, and never half."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlmagic.entities import ContentFile
from mlmagic.errors import ModelIntegrityError, RegistryError
from mlmagic.files import PIECE, digest_bytes, digest_text, sync_directory, sync_files
from mlmagic.registry.faults import storage_faults
from mlmagic.registry.metering import Meter
from mlmagic.registry.sources import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mlmagic.registry.metering import MeteredStream
    from mlmagic.registry.remote import RemoteStore

_READ_ONLY = 0o444
# A larger file is not read again to see that it is whole: that would double the time.
_LARGE = 64 << 20
# So many new contents wait for the disk together.
_TOGETHER = 1024
# What is younger may belong to a registration that is under way in another process.
GRACE_SECONDS = 3600.0


class ContentStore:
    """A folder of files named by their digests; with a shared store behind it, also its cache.

    Layout: ``sha256/ab/ab12…`` for contents, ``incoming/`` for what is being written, ``shared/``
    for marks on contents that the shared store has, or is getting, too, ``damaged/`` for what was
    found damaged. A content gets its name
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
        """Store a copy of one file; see ``add_all``."""
        return self.add_all({name: path}, shared=shared)[0]

    def add_all(
        self, files: Mapping[str, Path], *, shared: bool = False, meter: Meter | None = None
    ) -> tuple[ContentFile, ...]:
        """Store copies of files; what is here already is not written.

        Args:
            files: The path inside the tree that they belong to, and the file to read.
            shared: They go to the shared store as well: here they may be taken away then.
            meter: Hears of each piece that is read and copied.

        Raises:
            RegistryError: A file cannot be read or changes meanwhile, or the store cannot be
                written.
        """
        meter = meter or Meter()
        there = (path for path in files.values() if path.exists())
        meter.begin("reading", sum(path.stat().st_size for path in there))
        found = [_look(path, name, meter) for name, path in files.items()]
        self._store(found, shared=shared, meter=meter)
        return tuple(each.file for each in found)

    def add_bytes(self, data: bytes, *, name: str, shared: bool = False) -> ContentFile:
        """Store bytes under a name."""
        file = ContentFile(path=name, sha256=digest_bytes(data), size=len(data))
        found = _Found(file, lambda target: target.write_bytes(data))
        self._store([found], shared=shared, meter=Meter())
        return file

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

    def check(self, file: ContentFile, meter: Meter | None = None) -> Path:
        """Return where a content lies; ModelIntegrityError unless it is whole.

        One that is missing or damaged here is fetched from the shared store, where there is one.
        """
        path = self._present(file)
        if is_whole(path, file, meter):
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

    def set_aside(self) -> list[Path]:
        """List what was found damaged and put out of the way."""
        return sorted((self.root / "damaged").glob("*"))

    def is_cached(self, sha256: str) -> bool:
        """Say whether a content is here only as a copy of the shared store's."""
        return self._mark(sha256).exists()

    def renew(self, file: ContentFile) -> bool:
        """Make a content young, so that nobody takes it for a leftover; False where it is gone."""
        with self._lock(file.sha256):
            return self._touch(file.sha256)

    def renew_all(self, files: Iterable[ContentFile], *, shared: bool = True) -> list[ContentFile]:
        """Make contents young, and return those that are gone: one lock for many.

        Args:
            files: The contents.
            shared: They may stay mere copies of the shared store's.
        """
        gone: list[ContentFile] = []
        for _, together in groupby(sorted(files, key=_prefix), key=_prefix):
            alike = list(together)
            with self._lock(alike[0].sha256):
                for file in alike:
                    if not self._touch(file.sha256):
                        gone.append(file)
                    elif not shared:
                        self._mark(file.sha256).unlink(missing_ok=True)
        return gone

    def discard(self, sha256: str, *, grace_seconds: float = GRACE_SECONDS) -> bool:
        """Take a content away unless it is young; say whether it went."""
        return bool(self.discard_all([sha256], grace_seconds=grace_seconds))

    def discard_all(
        self, digests: Iterable[str], *, grace_seconds: float = GRACE_SECONDS
    ) -> list[str]:
        """Take contents away unless they are young, and return those that went."""
        went: list[str] = []
        for _, together in groupby(sorted(digests), key=_first_digits):
            alike = list(together)
            with self._lock(alike[0]):
                for sha256 in alike:
                    if is_old(self.path(sha256), grace_seconds):
                        self.path(sha256).unlink(missing_ok=True)
                        self._mark(sha256).unlink(missing_ok=True)
                        went.append(sha256)
        return went

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
        """Take a content from the shared store into this one.

        Damaged bytes are set aside there: who looks only whether it is there, with its size, would
        never restore it.
        """
        assert self.remote is not None  # noqa: S101 - both callers have looked
        with self._temporary() as temporary:
            try:
                self.remote.get(file, temporary)
                if not is_whole(temporary, file):
                    raise ModelIntegrityError(
                        f"The content of '{file.path}' in '{self.remote.place}' does not match its"
                        f" digest sha256:{file.sha256[:12]}.",
                        hint="Run %ml model verify --repair; registering the same content again"
                        " restores it.",
                    )
            except ModelIntegrityError:
                with suppress(RegistryError):  # may be read, not written: --repair finds it
                    self.remote.set_aside(file.sha256)
                raise
            temporary.chmod(_READ_ONLY)
            self._adopt([(temporary, file)], shared=True)
        if self.cache_bytes is not None:
            from mlmagic.registry.cache import trim

            trim(self, self.cache_bytes)

    def _store(self, found: Sequence[_Found], *, shared: bool, meter: Meter) -> None:
        """Write what is not here, or not whole; in the order of digests, as folders have them."""
        with storage_faults(self.root):
            gone = self.renew_all((each.file for each in found), shared=shared)
            digests = {file.sha256 for file in gone}
            lacking = {
                each.file.sha256: each
                for each in found
                if each.file.sha256 in digests or not self._is_sound(each.file)
            }
            ordered = [lacking[digest] for digest in sorted(lacking)]
            meter.begin("copying", sum(each.file.size for each in ordered))
            for start in range(0, len(ordered), _TOGETHER):
                self._write_all(ordered[start : start + _TOGETHER], shared=shared)

    def _write_all(self, found: Sequence[_Found], *, shared: bool) -> None:
        with ExitStack() as stack:
            written = []
            for each in found:
                temporary = stack.enter_context(self._temporary())
                each.write(temporary)
                temporary.chmod(_READ_ONLY)
                written.append((temporary, each.file))
            sync_files([temporary for temporary, _ in written])
            self._adopt(written, shared=shared)

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

    def _adopt(self, written: Sequence[tuple[Path, ContentFile]], *, shared: bool) -> None:
        """Give complete files, ordered by digest, their names.

        A name is on the disk before others may count on it: the lock is held until then.
        """
        for digits, together in groupby(written, key=lambda each: _prefix(each[1])):
            folder = self.path(digits).parent
            with storage_faults(self.root), self._lock(digits):
                folder.mkdir(parents=True, exist_ok=True)
                for temporary, file in together:
                    path, mark = self.path(file.sha256), self._mark(file.sha256)
                    if not shared:  # somebody needs it here: it is no mere copy any more
                        mark.unlink(missing_ok=True)
                    elif not path.exists():
                        mark.parent.mkdir(parents=True, exist_ok=True)
                        mark.touch()
                    temporary.replace(path)
                sync_directory(folder)

    def _is_sound(self, file: ContentFile) -> bool:
        path = self.path(file.sha256)
        if file.size >= _LARGE:  # `verify` reads it
            return path.stat().st_size == file.size
        return is_whole(path, file)

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


@dataclass(frozen=True)
class _Found:
    """A content outside the store, and what writes it into a new file."""

    file: ContentFile
    write: Callable[[Path], object]


def _first_digits(sha256: str) -> str:
    """What the digests of contents under one lock have in common."""
    return sha256[:2]


def _prefix(file: ContentFile) -> str:
    return _first_digits(file.sha256)


def is_whole(path: Path, file: ContentFile, meter: Meter | None = None) -> bool:
    """Say whether a file has the size and the digest that a content should have."""
    with storage_faults(path):
        return path.stat().st_size == file.size and _digest(path, meter or Meter()) == file.sha256


def _digest(path: Path, meter: Meter) -> str:
    with path.open("rb") as stream:
        read = meter.reading(stream, counted=False)
        return hashlib.file_digest(read, "sha256").hexdigest()


def is_old(path: Path, grace_seconds: float) -> bool:
    """Say whether a file is there and was not used within the grace time."""
    return path.exists() and time.time() - path.stat().st_mtime > grace_seconds


def _look(path: Path, name: str, meter: Meter) -> _Found:
    """Take the digest of a file; what is written later has to be the same."""
    try:
        with path.open("rb") as stream:
            before = _stamp(stream)
            digest = hashlib.file_digest(meter.reading(stream), "sha256").hexdigest()
            file = ContentFile(path=name, sha256=digest, size=stream.tell())
            same = _stamp(stream) == before
    except OSError as error:
        raise RegistryError(
            f"The file '{path}' cannot be read ({error.strerror}).", hint="Check its permissions."
        ) from error
    if not same:
        raise changed(path)

    def write(target: Path) -> None:
        try:
            stream = path.open("rb")
        except OSError as error:
            raise changed(path) from error
        with stream, target.open("wb") as copy:
            # Clocks of files are coarse: a quick writer may escape them.
            again = hashlib.sha256() if file.size < _LARGE else None
            _copy(meter.reading(stream), copy, again)
            same = again is None or again.hexdigest() == digest
            if not same or _stamp(stream) != before:
                raise changed(path)

    return _Found(file, write)


def _stamp(stream: BinaryIO) -> tuple[int, int, int]:
    """What of an open file is different once somebody has written to it."""
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns, found.st_ino


def _copy(source: MeteredStream, target: BinaryIO, digest: hashlib._Hash | None) -> None:
    buffer = memoryview(bytearray(PIECE))
    while size := source.readinto(buffer):
        target.write(buffer[:size])
        if digest is not None:
            digest.update(buffer[:size])


def _linked(source: Path, destination: Path) -> bool:
    unlinkable = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES}
    try:
        destination.hardlink_to(source)
    except OSError as error:
        if error.errno in unlinkable:
            return False
        raise
    return True
