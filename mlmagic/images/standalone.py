"""A Python for bases that have none: a standalone build, pinned by its digest, as a layer.

Any relocatable build will do that has ``bin/python3.N`` and ``lib/python3.N`` below one folder, as
the archives of python-build-standalone have them. Nothing of it is run here.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import tarfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mlmagic.addresses import without_secrets
from mlmagic.errors import ConfigurationError, ImagePullError
from mlmagic.files import PIECE, digest_text
from mlmagic.images.bases import Python
from mlmagic.images.bytecode import compile_files, find_compiler, sources_in
from mlmagic.images.places import STANDALONE
from mlmagic.images.tars import folder_entries, tar_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlmagic.images.bases import Base
    from mlmagic.images.layers import LayerStore

_FORMAT = "1"
_UNCHANGED = {"Accept-Encoding": "identity"}  # the digest is that of the file
_TIMEOUT = (10, 60)  # seconds, to connect and between two pieces
_PINNED = re.compile(r"(?P<address>.+)#sha256=(?P<sha256>[0-9a-fA-F]{64})")
_PROGRAM = re.compile(r"(?P<root>.+)/bin/python(?P<version>3\.\d+)")
# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
_MACHINES = {62: "x86_64", 183: "aarch64"}
_ELF64 = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_INTERPRETER = 3  # PT_INTERP, the loader, which tells the C library


@dataclass(frozen=True)
class StandalonePython:
    """An archive with a relocatable Python.

    Attributes:
        address: A path, a URL, or an address that fsspec opens.
        sha256: The digest of the archive.
    """

    address: str
    sha256: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``ADDRESS#sha256=DIGEST``; paths become absolute.

        Raises:
            ConfigurationError: There is no digest.

        Example:
            >>> StandalonePython.parse("https://example.com/p.tar.gz#sha256=" + 64 * "0").address
            'https://example.com/p.tar.gz'
        """
        found = _PINNED.fullmatch(text.strip())
        if found is None:
            raise ConfigurationError(
                f"The standalone Python '{without_secrets(text)}' is not pinned by a SHA-256.",
                hint="Write PATH#sha256=DIGEST or URL#sha256=DIGEST; 'sha256sum FILE' tells it.",
            )
        address = found["address"]
        if "://" not in address:
            address = str(Path(address).expanduser().absolute())
        return cls(address, found["sha256"].lower())

    @property
    def shown(self) -> str:
        """The address, as messages show it."""
        return without_secrets(self.address)

    def __str__(self) -> str:
        return f"{self.address}#sha256={self.sha256}"


def give_python(
    base: Base,
    standalone: StandalonePython,
    *,
    version: str,
    store: LayerStore,
    on_event: Callable[[str], None],
) -> Base:
    """Give a base without Python one, as a layer of ours.

    Args:
        base: The base.
        standalone: Where the Python comes from.
        version: What it has to be, ``major.minor``.
        store: The cache.
        on_event: Told what happens.

    Raises:
        ImagePullError: The archive cannot be had, is not what its digest says, or holds a Python
            of another version or for another platform.
    """
    libc = base.python_found.libc
    if not libc:
        raise ImagePullError(
            f"The base image '{base.reference}' has no C library, which every Python needs.",
            hint="Choose a base_image of a Linux distribution.",
        )
    compiler = find_compiler(version)
    platform = base.platform
    key = digest_text(
        "python", _FORMAT, standalone.sha256, version, platform, compiler[1] if compiler else ""
    )

    def make(work: Path) -> Iterable[bytes]:
        on_event(f"python {version}: from the standalone build '{standalone.shown}'")
        archive, folder = work / "archive", work / "python"
        _fetch(standalone, archive)
        _unpack(standalone, archive, folder, version=version, platform=platform)
        archive.unlink()
        if compiler:
            on_event(f"python {version}: compiling")
            files = sources_in(folder)
            compile_files(files, folder, program=compiler[0], prefix=f"/{STANDALONE}")
        return tar_stream(folder_entries(folder, STANDALONE))

    layer = store.stored(key, f"python {version} of {standalone.sha256[:12]}", make)
    python = Python(f"/{STANDALONE}/bin/python{version}", version, libc)
    return replace(base, python_found=python, given=(layer,))


def _fetch(standalone: StandalonePython, archive: Path) -> None:
    digest = hashlib.sha256()
    with archive.open("wb") as target:
        for chunk in _read(standalone):
            digest.update(chunk)
            target.write(chunk)
    if digest.hexdigest() != standalone.sha256:
        raise ImagePullError(
            f"The standalone Python '{standalone.shown}' has the SHA-256 "
            f"'{digest.hexdigest()}', not '{standalone.sha256}'.",
            hint="Download it again, or pin what you mean to use.",
        )


def _read(standalone: StandalonePython) -> Iterator[bytes]:
    address = standalone.address
    try:
        if address.startswith(("http://", "https://")):
            # With the proxies and certificates that registries are reached by.
            import requests

            with requests.get(address, stream=True, timeout=_TIMEOUT, headers=_UNCHANGED) as answer:
                answer.raise_for_status()
                yield from answer.iter_content(PIECE)
            return
        import fsspec

        with fsspec.open(address, "rb") as source:
            yield from iter(lambda: source.read(PIECE), b"")
    except ImportError as error:
        raise ImagePullError(
            f"The address '{standalone.shown}' needs a package that is not installed: {error}.",
            hint="Install it, or download the file and give its path.",
        ) from error
    except Exception as error:  # noqa: BLE001 - whatever the file system's library raises
        raise ImagePullError(
            f"The standalone Python '{standalone.shown}' cannot be read: "
            f"{without_secrets(str(error))}.",
            hint="Check the address and the network, or download the file and give its path.",
        ) from None  # the library's own error has the whole address


def _unpack(
    standalone: StandalonePython, archive: Path, folder: Path, *, version: str, platform: str
) -> None:
    """Lay out what is below the archive's Python, once that is known to fit."""
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            root, has = _find(standalone, members)
            if has != version:
                raise ImagePullError(
                    f"The standalone Python '{standalone.shown}' is Python {has}, and the "
                    f"environment is for Python {version}.",
                    hint="Name a build of that version, or lock the environment for this one.",
                )
            program = tar.extractfile(f"{root}/bin/python{version}")
            built = _platform(program.read() if program else b"")
            if built != platform:
                raise ImagePullError(
                    f"The standalone Python '{standalone.shown}' is for "
                    f"'{built or 'another system'}', and the base image for '{platform}'.",
                    hint="Name a build for that platform, or choose another base_image.",
                )
            inside = [each for each in members if each.name.startswith(f"{root}/")]
            tar.extractall(archive.parent / "all", inside, filter="data")
    except (tarfile.TarError, EOFError, zlib.error, KeyError) as error:
        raise ImagePullError(
            f"The standalone Python '{standalone.shown}' cannot be unpacked: {error}.",
            hint="Name a .tar, .tar.gz or .tar.xz with python/bin and python/lib.",
        ) from error
    (archive.parent / "all" / root).rename(folder)
    for compiled in [*folder.rglob("__pycache__")]:
        shutil.rmtree(compiled)  # by times that files in a layer do not have


def _find(standalone: StandalonePython, members: Iterable[tarfile.TarInfo]) -> tuple[str, str]:
    """Return the folder of the Python in an archive, and its version."""
    found = [
        match for each in members if each.isfile() and (match := _PROGRAM.fullmatch(each.name))
    ]
    if not found:
        raise ImagePullError(
            f"The standalone Python '{standalone.shown}' has no 'python/bin/python3.N'.",
            hint="Name an archive such as those of python-build-standalone ('install_only').",
        )
    best = min(found, key=lambda match: len(match["root"]))
    return best["root"], best["version"]


def _platform(program: bytes) -> str | None:
    """Return what a program is for, such as ``linux-x86_64``; None where it is none of Linux."""
    if not program.startswith(_ELF64):
        return None
    with suppress(struct.error, KeyError):
        machine = _MACHINES[struct.unpack_from("<H", program, 18)[0]]
        (table,) = struct.unpack_from("<Q", program, 32)
        size, count = struct.unpack_from("<HH", program, 54)
        for place in range(table, table + size * count, size):
            if struct.unpack_from("<I", program, place)[0] == _INTERPRETER:
                start, _, _, length = struct.unpack_from("<4Q", program, place + 8)
                musl = b"ld-musl" in program[start : start + length]
                return f"linux-{machine}{'-musl' if musl else ''}"
    return None
