"""Files known by their SHA-256: each content is stored once, read-only, and never half."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlmagic.entities import ContentFile
from mlmagic.errors import ModelIntegrityError, RegistryError
from mlmagic.files import digest_file, sync_directory
from mlmagic.registry.faults import storage_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 20
_READ_ONLY = 0o444


class ContentStore:
    """A folder of files named by their digests.

    Layout: ``sha256/ab/ab12…`` for contents, ``incoming/`` for what is being written. A content
    gets its name by a rename after it is complete and synced, so a process killed in between
    leaves a temporary only.

    Args:
        root: The folder; it is made when something is added.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, path: Path, *, name: str) -> ContentFile:
        """Store a copy of a file.

        Args:
            path: The file to read.
            name: Its path inside the tree it belongs to.

        Raises:
            RegistryError: The file cannot be read, or the store cannot be written.
        """
        try:
            stream = path.open("rb")
        except OSError as error:
            raise RegistryError(
                f"The file '{path}' cannot be read ({error.strerror}).",
                hint="Check its permissions.",
            ) from error
        with stream:
            return self._store(stream, name)

    def add_bytes(self, data: bytes, *, name: str) -> ContentFile:
        """Store bytes under a name."""
        import io

        return self._store(io.BytesIO(data), name)

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
            temporary = destination.with_name(f".{destination.name}.{os.getpid()}.part")
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
            data = self.path(file.sha256).read_bytes()
        except FileNotFoundError as error:
            raise self._missing(file) from error
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise self._damaged(file)
        return data

    def check(self, file: ContentFile) -> Path:
        """Return where a content lies; ModelIntegrityError unless it is whole."""
        path = self.path(file.sha256)
        with storage_faults(path):
            if not path.is_file():
                raise self._missing(file)
            if path.stat().st_size != file.size or digest_file(path) != file.sha256:
                raise self._damaged(file)
        return path

    def path(self, sha256: str) -> Path:
        """Say where a content of this digest lies or would lie."""
        return self.root / "sha256" / sha256[:2] / sha256

    def digests(self) -> Iterator[str]:
        """Walk over what is stored."""
        for path in sorted((self.root / "sha256").glob("??/*")):
            yield path.name

    def temporaries(self) -> list[Path]:
        """List what is being written, or was left half written."""
        return sorted((self.root / "incoming").glob("*"))

    def _store(self, stream: BinaryIO, name: str) -> ContentFile:
        with storage_faults(self.root):
            incoming = self.root / "incoming"
            incoming.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=incoming, prefix=f"{os.getpid()}-")
            try:
                with os.fdopen(descriptor, "wb") as target:
                    digest, size = _copy(stream, target)
                    os.fchmod(target.fileno(), _READ_ONLY)
                    target.flush()
                    os.fsync(target.fileno())
                file = ContentFile(path=name, sha256=digest, size=size)
                self._adopt(Path(temporary), file)
            finally:
                Path(temporary).unlink(missing_ok=True)
        return file

    def _adopt(self, temporary: Path, file: ContentFile) -> None:
        path = self.path(file.sha256)
        if path.is_file() and path.stat().st_size == file.size and digest_file(path) == file.sha256:
            # A fresh time keeps `verify` from taking it for an old orphan meanwhile.
            with suppress(PermissionError):
                os.utime(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)
        sync_directory(path.parent)

    def _missing(self, file: ContentFile) -> ModelIntegrityError:
        return ModelIntegrityError(
            f"The content of '{file.path}' (sha256:{file.sha256[:12]}) is missing from the store.",
            hint="Run %ml model verify; registering the same content again restores it.",
        )

    def _damaged(self, file: ContentFile) -> ModelIntegrityError:
        return ModelIntegrityError(
            f"The stored content of '{file.path}' does not match its digest"
            f" sha256:{file.sha256[:12]}.",
            hint="Run %ml model verify; registering the same content again restores it.",
        )


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
