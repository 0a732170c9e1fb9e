"""The compressed forms in which joblib writes pickles; streams that do not fill the memory."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import shutil
import tempfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Self, cast

from mlmagic.errors import RegistryError
from mlmagic.files import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = 6
# Before 0.10: this, the length in so many characters, and zlib data. It still loads such a file.
_OLD_JOBLIB, _OLD_LENGTH = b"ZF", 19
_IN_MEMORY = 64 << 20
# A small file can unpack to any size; no model we are asked to check is larger than this.
_LARGEST = 64 << 30
_LARGE_READ = 1 << 20  # bytes of one value of a pickle


class DamagedError(RegistryError):
    """Compressed data that cannot be unpacked to its end."""


@contextmanager
def decompressed(raw: IO[bytes]) -> Iterator[tuple[IO[bytes], bool]]:
    """Open what a file holds, as a seekable stream.

    Args:
        raw: The open file, at its start.

    Yields:
        The stream, and whether the file was compressed.

    Raises:
        RegistryError: The compressed data is damaged, too large, or needs a missing package.
    """
    start = raw.read(_START)
    raw.seek(0)
    reader = _reader(start, raw)
    if reader is None:
        yield raw, False
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        with _damage_told(raw):
            shutil.copyfileobj(reader, _Limited(spool), PIECE)
        spool.seek(0)
        yield cast("IO[bytes]", spool), True


def first_bytes(raw: IO[bytes], count: int) -> bytes:
    """Return how what is compressed begins, unpacking no more; empty where it is not compressed.

    Args:
        raw: The open file, at its start, and there again afterwards.
        count: How many bytes.

    Raises:
        DamagedError: It cannot be unpacked so far.
        RegistryError: A package is missing.
    """
    start = raw.read(_START)
    raw.seek(0)
    reader = _reader(start, raw)
    data = bytearray()
    with _damage_told(raw):
        # A reader may give less than it is asked for, and go on.
        while reader is not None and len(data) < count:
            piece = reader.read(count - len(data))
            if not piece:
                break
            data += piece
    raw.seek(0)
    return bytes(data)


@contextmanager
def _damage_told(raw: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        name = getattr(raw, "name", "of an archive")
        raise DamagedError(f"The file '{name}' cannot be unpacked: {error}.") from error


def _reader(start: bytes, raw: IO[bytes]) -> Any:
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    if start.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if start.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.LZMAFile(raw)
    if start.startswith(b"\x04\x22\x4d\x18"):
        return _lz4(raw)
    begins = len(start) > 1 and start[0] == 0x78 and int.from_bytes(start[:2], "big") % 31 == 0  # noqa: PLR2004 - RFC 1950
    if begins or _past_header(start, raw):
        return _Zlib(raw)
    return None


def _past_header(start: bytes, raw: IO[bytes]) -> bool:
    """Go to the zlib data of a file of joblib before 0.10; whether it is one."""
    if not start.startswith(_OLD_JOBLIB):
        return False
    raw.seek(len(_OLD_JOBLIB) + _OLD_LENGTH)
    if raw.read(1) != b" ":  # some of its releases wrote one space more
        raw.seek(len(_OLD_JOBLIB) + _OLD_LENGTH)
    return True


def _lz4(raw: IO[bytes]) -> Any:
    try:
        return importlib.import_module("lz4.frame").LZ4FrameFile(raw)
    except ImportError as error:
        raise RegistryError(
            "The file is compressed with lz4.", hint="Install 'lz4' to check it."
        ) from error


class _Zlib:
    """zlib data as something to read from."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj()

    def read(self, size: int) -> bytes:
        while not self._inflate.eof:
            waiting = self._inflate.unconsumed_tail or self._raw.read(PIECE)
            if not waiting:
                raise EOFError("it ends too early")
            data = self._inflate.decompress(waiting, size)
            if data:
                return data
        return b""


class _Limited:
    """Refuses to grow beyond the limit."""

    def __init__(self, target: Any) -> None:
        self._target = target
        self._left = _LARGEST

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise RegistryError(
                f"The compressed file unpacks to more than {_LARGEST >> 30} GiB.",
                hint="Save it uncompressed.",
            )
        return int(self._target.write(data))


class _Skipped(bytes):
    """Stands for numbers and texts that are too long to be held: as long, and never a name."""

    length: int

    def __new__(cls, length: int) -> Self:
        made = super().__new__(cls, b"\0 too long for a name")
        made.length = length
        return made

    def __len__(self) -> int:
        return self.length


class Clamped:
    """A stream of which no more is asked for than there is, and nothing large is held."""

    def __init__(self, stream: IO[bytes]) -> None:
        here = stream.tell()
        self._end = stream.seek(0, 2)
        stream.seek(here)
        self._stream = stream
        self.tell, self.seek, self.readline = stream.tell, stream.seek, stream.readline

    def read(self, size: int) -> bytes:
        """Return bytes, or what stands for so many that they are not held."""
        if size <= _LARGE_READ:
            return self._stream.read(size)
        here = self._stream.tell()
        after = min(here + size, self._end)
        self._stream.seek(after)
        return _Skipped(after - here)
