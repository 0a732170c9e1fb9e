"""Models by address: a file or an archive that fsspec opens, unpacked with care."""

from __future__ import annotations

import re
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from mlmagic.addresses import without_secrets
from mlmagic.errors import CancelledError, MissingDependencyError, RegistryError
from mlmagic.files import PIECE
from mlmagic.registry.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FILES = 100_000
_MOST_BYTES = 64 << 30
# How many times larger than the archive its files may be; the floor lets small ones be.
_MOST_GROWTH, _ALWAYS_BYTES = 200, 64 << 20
_ARCHIVES = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
# What the libraries raise for archives that are cut off, encrypted or made by hand.
_UNREADABLE = (tarfile.TarError, zipfile.BadZipFile, EOFError, RuntimeError, ValueError, zlib.error)
_SCHEMES = {"http", "https", "s3", "gs", "gcs", "abfs", "abfss", "az", "adl", "file", "memory"}


def fetch_address(address: str, folder: Path, meter: Meter | None = None) -> Path:
    """Download a model, and unpack it where it is an archive.

    Args:
        address: A URL, or an address of fsspec such as ``s3://bucket/model.tar.gz``.
        folder: Where to write.
        meter: Hears of each piece.

    Returns:
        The file; of an archive the folder or file that it holds, or a folder of its name.

    Raises:
        MissingDependencyError: The library of this file system is not installed.
        RegistryError: It cannot be read, or the archive is unsafe.
    """
    import fsspec

    # Windows' paths and pathlib's habit of folding slashes.
    scheme, _, rest = address.partition(":/")
    url = f"{scheme}://{rest.lstrip('/')}" if scheme != "file" else f"file:///{rest.lstrip('/')}"
    if scheme not in _SCHEMES:
        raise RegistryError(
            f"The address '{without_secrets(url)}' is of a kind that models are not taken from.",
            hint=f"Known: {', '.join(sorted(_SCHEMES))}.",
        )
    name = PurePosixPath(rest.partition("?")[0]).name or "model"
    target = folder / name
    meter = meter or Meter()
    try:
        with fsspec.open(url, "rb") as source, target.open("wb") as written:
            meter.begin("downloading", getattr(source, "size", None) or 0)
            shutil.copyfileobj(meter.reading(source), written, PIECE)
    except CancelledError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            f"The address '{without_secrets(url)}' needs a package that is not installed: {error}.",
            hint="Install it, or download the file and register that.",
        ) from error
    except Exception as error:
        raise RegistryError(
            f"The address '{without_secrets(url)}' cannot be read: {type(error).__name__}:"
            f" {without_secrets(str(error))}."
        ) from error
    if not _ARCHIVES.search(name):
        return target
    top = folder / "unpacked" / _ARCHIVES.sub("", name)
    unpack(target, top, meter)
    entries = sorted(top.iterdir())
    return entries[0] if len(entries) == 1 else top


def unpack(archive: Path, folder: Path, meter: Meter | None = None) -> None:
    """Unpack a zip or tar archive; nothing leaves the folder, nothing grows without bound.

    Args:
        archive: The file.
        folder: Where to write; it is made.
        meter: Asked before each piece whether to go on.

    Raises:
        RegistryError: A member is a link or a device, leads out of the folder, comes twice, or
            the archive holds far more than it should.
    """
    folder.mkdir(parents=True)
    allowed = min(max(archive.stat().st_size * _MOST_GROWTH, _ALWAYS_BYTES), _MOST_BYTES)
    seen: set[str] = set()
    meter = meter or Meter()
    try:
        for name, stream in _members(archive):
            if len(seen) >= _MOST_FILES:
                raise _unsafe(archive, f"it has more than {_MOST_FILES} files")
            path = _place(archive, folder, name)
            if str(path).casefold() in seen:
                raise _unsafe(archive, f"'{name}' comes twice")
            seen.add(str(path).casefold())
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as target:
                read = meter.reading(stream, counted=False)
                while chunk := read.read(PIECE):
                    allowed -= len(chunk)
                    if allowed < 0:
                        raise _unsafe(archive, "it grows without end when it is unpacked")
                    target.write(chunk)
    except _UNREADABLE as error:
        raise RegistryError(f"The archive '{archive.name}' cannot be read: {error}.") from error
    if not seen:
        raise RegistryError(f"The archive '{archive.name}' is empty.")


def _members(archive: Path) -> Iterator[tuple[str, BinaryIO]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                kind = (member.external_attr >> 16) & 0o170000
                if kind not in (0, 0o100000, 0o040000):
                    raise _unsafe(archive, f"'{member.filename}' is a link or a device")
                if not member.is_dir():
                    with opened.open(member) as stream:
                        yield member.filename, stream  # type: ignore[misc]  # it reads bytes
        return
    with tarfile.open(archive) as tar:
        for entry in tar:
            if not (entry.isfile() or entry.isdir()):
                raise _unsafe(archive, f"'{entry.name}' is a link or a device")
            extracted = tar.extractfile(entry) if entry.isfile() else None
            if extracted is not None:
                with extracted:
                    yield entry.name, extracted  # type: ignore[misc]


def _place(archive: Path, folder: Path, name: str) -> Path:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        raise _unsafe(archive, f"'{name}' leads out of it")
    if not name.isprintable():
        raise _unsafe(archive, f"the name {name!r} cannot be stored")
    return folder.joinpath(*path.parts)


def _unsafe(archive: Path, why: str) -> RegistryError:
    return RegistryError(
        f"The archive '{archive.name}' is not unpacked: {why}.",
        hint="Unpack it yourself, and register what you need of it.",
    )
