"""Tar files that come out the same each time: sorted, root's, with one fixed time.

They are made as streams, so that a model of many gigabytes goes to an engine or a registry without
a second copy of it on the disk.
"""

from __future__ import annotations

import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlmagic.files import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The start of what zip files can tell; some programs take 1970 for "no time".
EPOCH = 315532800
CREATED = "1980-01-01T00:00:00Z"
_BLOCK = 512


@dataclass(frozen=True)
class Entry:
    """One thing in a tar.

    Attributes:
        path: Where it lies, relative to the root, with forward slashes.
        data: A file's content, or the file that has it; None is a folder.
        link: What a symbolic link points to.
        executable: Whether the file may be executed.
        writable: Whether the group may write, which is the one that services run as.
    """

    path: str
    data: bytes | Path | None = None
    link: str | None = None
    executable: bool = False
    writable: bool = False


def tar_stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Write a tar; entries are sorted, and the folders between are added.

    Folders at the root are not: they are the base's, with owners and modes of their own.

    Raises:
        OSError: A file cannot be read.
    """
    for entry in _complete(entries):
        yield from member(entry)
    yield bytes(2 * _BLOCK)


def member(entry: Entry) -> Iterator[bytes]:
    """Write one entry: header, content, padding."""
    info = _info(entry)
    yield info.tobuf(tarfile.PAX_FORMAT)
    if info.size:
        yield from _chunks(entry, info.size)
        yield bytes(-info.size % _BLOCK)


def stream_member(path: str, size: int, content: Iterable[bytes]) -> Iterator[bytes]:
    """Write one file whose content is a stream of known size."""
    info = _file(path, size, executable=False)
    yield info.tobuf(tarfile.PAX_FORMAT)
    yield from content
    yield bytes(-size % _BLOCK)


def folder_entries(folder: Path, prefix: str) -> Iterator[Entry]:
    """Take all files and links of a folder on the disk; folders without any are dropped."""
    for path in sorted(folder.rglob("*")):
        name = f"{prefix}/{path.relative_to(folder).as_posix()}"
        if path.is_symlink():
            yield Entry(name, link=str(path.readlink()))
        elif path.is_file():
            yield Entry(name, path, executable=bool(path.stat().st_mode & stat.S_IXUSR))


def _complete(entries: Iterable[Entry]) -> list[Entry]:
    found = {entry.path: entry for entry in entries}
    for path in [*found]:
        for parent in PurePosixPath(path).parents:
            if len(parent.parts) > 1:
                found.setdefault(str(parent), Entry(str(parent)))
    return [found[path] for path in sorted(found)]


def _info(entry: Entry) -> tarfile.TarInfo:
    if entry.link is not None:
        info = _file(entry.path, 0, executable=True)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
        return info
    if entry.data is None:
        info = _file(f"{entry.path}/", 0, executable=True)
        info.type = tarfile.DIRTYPE
        info.mode |= 0o020 if entry.writable else 0
        return info
    size = len(entry.data) if isinstance(entry.data, bytes) else entry.data.stat().st_size
    return _file(entry.path, size, executable=entry.executable)


def _file(path: str, size: int, *, executable: bool) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.size = size
    info.mode = 0o755 if executable else 0o644
    info.mtime = EPOCH
    return info


def _chunks(entry: Entry, size: int) -> Iterator[bytes]:
    if isinstance(entry.data, bytes):
        yield entry.data
        return
    assert entry.data is not None  # noqa: S101 - only files have a size
    left = size
    with entry.data.open("rb") as stream:
        while left and (chunk := stream.read(min(PIECE, left))):
            left -= len(chunk)
            yield chunk
    if left:
        raise OSError(None, "the file became shorter while it was read", str(entry.data))
