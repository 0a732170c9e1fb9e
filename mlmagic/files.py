"""Files that are never half written: atomic writes, digests, durable records.

A durable record is a JSON object with a ``format`` number, read and written
through a dataclass, so that later versions can tell what they read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlmagic.errors import ConfigurationError, DamagedRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlmagic.errors import MlmagicError

RECORD_FORMAT = 1
# Files are copied in pieces of so many bytes. Python has larger ones mapped anew by the system for
# each read, which takes longer than reading them.
PIECE = 1 << 18
_SYNCING = 16  # threads

T = TypeVar("T")

_DISK = {
    errno.ENOSPC: ("the disk is full", "Free some space and try again; nothing was lost."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and try again; nothing was lost."),
    errno.EFBIG: ("the file would be too large", "Raise the limit on file sizes (ulimit -f)."),
    errno.EROFS: ("the file system is read-only", "Make it writable, or use another folder."),
    errno.EACCES: ("permission is denied", "Make it writable, or use another folder."),
    errno.EPERM: ("it is not permitted", "Make it writable, or use another folder."),
}


@contextmanager
def storage_faults(path: Path, kind: type[MlmagicError]) -> Iterator[None]:
    """Turn errors of the file system into one of ours that names the path.

    Args:
        path: What is named where the error itself names nothing.
        kind: The class of the error.
    """
    try:
        yield
    except OSError as error:
        words = error.strerror or str(error)
        fact, hint = _DISK.get(error.errno or 0, (words, None))
        raise kind(
            f"The path '{error.filename or path}' cannot be used: {fact}.", hint=hint
        ) from error


def write_atomically(path: Path, data: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    The data goes to a temporary name in the same folder, is synced, and renamed.

    Args:
        path: The file to write; its folder is created.
        data: The content; text is encoded as UTF-8.
        mode: Permission bits, ``0o600`` for secrets.

    Raises:
        OSError: The folder cannot be written or the disk is full; the old file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = data.encode() if isinstance(data, str) else data
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):  # that of a full disk names no file
            error.filename = str(path)
        raise
    sync_directory(path.parent)


@contextmanager
def new_folder(place: Path, kind: type[MlmagicError]) -> Iterator[Path]:
    """Fill a folder under another name; it gets its own when it is complete.

    Args:
        place: The folder, which does not exist or is empty.
        kind: The class of the error where the file system refuses.

    Yields:
        The folder to fill, next to the place; it goes away if filling it fails.

    Example:
        >>> with new_folder(Path("there"), ConfigurationError) as folder:  # doctest: +SKIP
        ...     (folder / "file").write_text("text")
    """
    with storage_faults(place, kind):
        place.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=place.parent, prefix=".mlmagic-new-"))
        try:
            yield building
            building.chmod(0o755)
            if place.is_dir():
                place.rmdir()  # refuses one with something in it
            building.rename(place)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def sync_files(paths: Sequence[Path]) -> None:
    """Make what was written to files survive a power cut.

    The disk takes together what several threads wait for; one after the other, it turns for each.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(paths), _SYNCING) or 1) as threads:
        for _ in threads.map(_sync, paths):  # raises what one of them raised
            pass


def sync_directory(directory: Path) -> None:
    """Make a rename inside a folder survive a power cut."""
    _sync(directory)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_folder_name(name: str) -> bool:
    """Say whether a name is one folder, and does not lead to another."""
    return name not in ("", ".", "..") and not {"/", "\\", "\0"} & {*name}


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_bytes(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_text(*parts: str) -> str:
    """Return the SHA-256 of several texts, kept apart, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def to_builtins(value: Any) -> Any:
    """Turn dataclasses, paths, enums and dates into what JSON can hold."""
    import msgspec

    return msgspec.to_builtins(value, enc_hook=_plain)


def to_json(value: Any, *, indent: int = 2) -> str:
    """Write a dataclass or a plain value as JSON text."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=indent).decode()


def record_text(value: Any) -> str:
    """Write a dataclass as the text of a durable record, with its format number."""
    return to_json({"format": RECORD_FORMAT, **to_builtins(value)}) + "\n"


def write_record(path: Path, value: Any, *, mode: int = 0o644) -> None:
    """Write a dataclass as a durable JSON record with its format number."""
    write_atomically(path, record_text(value), mode=mode)


def read_record(path: Path, kind: type[T]) -> T:
    """Read a durable JSON record into its dataclass.

    Args:
        path: The file.
        kind: The dataclass.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedRecordError: The file is damaged.
        ConfigurationError: The file was written by a later version.
    """
    return parse_record(path.read_bytes(), kind, source=f"file '{path}'")


def parse_record(data: bytes | str, kind: type[T], *, source: str) -> T:
    """Read the text of a durable record into its dataclass.

    Args:
        data: The text.
        kind: The dataclass.
        source: What messages call it, such as ``file 'record.json'``.

    Raises:
        DamagedRecordError: It is damaged.
        ConfigurationError: It was written by a later version.
    """
    import msgspec

    try:
        content = msgspec.json.decode(data, type=dict[str, Any])
        if content.pop("format", 0) > RECORD_FORMAT:
            raise ConfigurationError(
                f"The {source} was written by a later version of mlmagic.",
                hint="Upgrade mlmagic: pip install --upgrade jupyter-mlmagic.",
            )
        return msgspec.convert(content, kind, dec_hook=_rich)
    except msgspec.MsgspecError as error:
        raise DamagedRecordError(
            f"The {source} is damaged: {error}.",
            hint="Restore it, or delete it to start anew.",
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise NotImplementedError(f"cannot write a value of type '{type(value).__name__}' as JSON")


def _rich(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return Path(value)
    if hasattr(kind, "from_builtins"):  # a family of dataclasses, which knows its members
        return kind.from_builtins(value)
    raise NotImplementedError(f"cannot read a value of type '{kind.__name__}'")
