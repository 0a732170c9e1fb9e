"""The layer of a lock's packages: a virtual environment for the base image's Python."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.environments.uv_command import UvError
from mlmagic.errors import ImageBuildError
from mlmagic.files import digest_text
from mlmagic.images.bytecode import compile_files, find_compiler, sources_in
from mlmagic.images.places import APP_ROOT, OURS, PYTHON, VENV
from mlmagic.images.tars import Entry, folder_entries, tar_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlmagic.entities import Lock
    from mlmagic.images.layers import Layer, LayerStore

_FORMAT = "2"
# https://github.com/opencontainers/image-spec/blob/main/layer.md#opaque-whiteout
_OPAQUE = ".wh..wh..opq"
# Of this machine, not of the packages: times and paths that would make equal layers differ.
LOCAL = re.compile(r"\.dist-info/(direct_url|uv_cache|uv_build)\.json$|^\.lock$|/__pycache__/")
_LIBRARY = re.compile(r"^lib/python3\.\d+/(site|dist)-packages/")
_RECORD = re.compile(r"\.dist-info/RECORD$")
OUTSIDE = "../../../"  # of lib/python3.N/site-packages, in RECORD
SHEBANG = re.compile(rb"\A#!.*python[0-9.]*[ \t]*\r?\n")


def packages_layer(
    store: LayerStore,
    lock: Lock,
    *,
    platform: str,
    python: str,
    hide: bool = False,
    on_event: Callable[[str], None],
) -> Layer:
    """Make the layer, or take it from the cache.

    Args:
        store: The cache.
        lock: What is installed; it must be for the platform.
        platform: Such as ``linux-x86_64``.
        python: Path of the interpreter where the environment will be.
        hide: Whether what a base of ours has at our places is hidden.
        on_event: Told what happens.

    Raises:
        ImageBuildError: A package cannot be had for the image's Python and platform.
    """
    compiler = find_compiler(lock.python_version)
    magic = compiler[1] if compiler else ""
    key = digest_text(
        *("packages", _FORMAT, lock.identity, platform, python, magic), *(["hide"] if hide else [])
    )

    def make(work: Path) -> Iterable[bytes]:
        on_event(
            f"environment image {lock.short}: packages for Python {lock.python_version} on "
            f"{platform} ({len(lock.packages)})"
        )
        install_packages(work, lock, platform, on_event)
        if compiler:
            on_event(f"environment image {lock.short}: compiling")
            _compile(work / "prefix", compiler[0], lock.python_version)
        hidden = (Entry(f"{place}/{_OPAQUE}", b"") for place in (OURS, APP_ROOT) if hide)
        return tar_stream(chain(hidden, _entries(work / "prefix", lock, python)))

    return store.stored(key, f"packages of lock {lock.identity}", make)


def install_packages(
    work: Path, lock: Lock, platform: str, on_event: Callable[[str], None]
) -> None:
    """Install a lock's packages below ``WORK/prefix``, as they are for a platform.

    Raises:
        ImageBuildError: A package cannot be had for the lock's Python and the platform.
    """
    # Seldom needed, the layer lies in the cache: what locks and installs takes long to import.
    from mlmagic.environments.locking import platform_triple
    from mlmagic.environments.realisation import install

    prefix = work / "prefix"
    into = [
        *("--prefix", str(prefix), "--python", sys.executable),
        *("--python-version", lock.python_version),
        *("--python-platform", platform_triple(platform)),
    ]
    try:
        install(lock, into, cwd=work, on_event=on_event)
    except UvError as error:
        raise ImageBuildError(
            f"The packages of environment '{lock.short}' cannot be had for Python "
            f"{lock.python_version} on '{platform}': {error.reason}",
            hint=_way_out(error),
        ) from error
    _refuse_foreign_builds(prefix, lock, platform)


def _way_out(error: UvError) -> str:
    if error.network:
        return "Check the network and the index settings, then try again."
    if "no space" in error.reason.lower():
        return "Free some space, or choose another folder with MLMAGIC_CACHE_DIR."
    return "Choose a version that has a wheel for it, or another base_image."


def _refuse_foreign_builds(prefix: Path, lock: Lock, platform: str) -> None:
    """Refuse what was compiled here for want of a wheel: it needs this machine's libraries."""
    from packaging.utils import canonicalize_name

    for wheel in sorted(prefix.glob("lib/*/*-packages/*.dist-info/WHEEL")):
        text = wheel.read_text("utf-8", "replace")
        tags = re.findall(r"(?m)^Tag: \S+-(\S+)$", text)
        if tags and all(tag.startswith(("linux_", "macosx_", "win")) for tag in tags):
            name, _, version = wheel.parent.name.removesuffix(".dist-info").partition("-")
            raise ImageBuildError(
                f"The package '{canonicalize_name(name)}' {version} has no wheel for Python "
                f"{lock.python_version} on '{platform}'; what was compiled on this machine needs "
                "its libraries.",
                hint="Choose a version that has one, or install the package in the base image "
                "(base_dockerfile) and leave it out of the environment.",
            )


def _compile(prefix: Path, program: str, python_version: str) -> None:
    site = next(prefix.glob("lib/*/*-packages"))
    inside = f"/{VENV}/lib/python{python_version}/site-packages"
    compile_files(sources_in(site), site, program=program, prefix=inside)


def _entries(prefix: Path, lock: Lock, python: str) -> Iterator[Entry]:
    compiled = re.compile(rf"/__pycache__/.*\.cpython-{lock.python_version.replace('.', '')}\.pyc$")
    programs: dict[str, bytes] = {}
    for entry in folder_entries(prefix, ""):  # sorted: bin/ comes before lib/
        path = entry.path.removeprefix("/")
        if LOCAL.search(path) and not compiled.search(path):
            continue
        path = _LIBRARY.sub(f"lib/python{lock.python_version}/site-packages/", path)
        data = entry.data
        if isinstance(data, Path) and path.startswith("bin/"):
            data = programs[path] = SHEBANG.sub(f"#!{PYTHON}\n".encode(), data.read_bytes())
        elif isinstance(data, Path) and _RECORD.search(path):
            data = _record(data, programs)
        yield Entry(f"{VENV}/{path}", data, link=entry.link, executable=entry.executable)
    home, _, program = python.rpartition("/")
    yield Entry(
        f"{VENV}/pyvenv.cfg",
        f"home = {home}\ninclude-system-site-packages = false\n"
        f"version = {lock.python_version}\n".encode(),
    )
    yield Entry(f"{VENV}/bin/python", link=f"{home}/{program}")
    yield Entry(f"{VENV}/bin/python3", link="python")
    yield Entry(f"{VENV}/bin/python{lock.python_version}", link="python")


def _record(file: Path, programs: Mapping[str, bytes]) -> bytes:
    """Make a list of installed files tell what is in the image, not what was on this machine."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    for row in filter(None, csv.reader(io.StringIO(file.read_text("utf-8")))):
        data = programs.get(row[0].removeprefix(OUTSIDE))
        if data is not None:
            write(recorded(row[0], data))
        elif not LOCAL.search(row[0]):
            write(row)
    return text.getvalue().encode()


def recorded(path: str, data: bytes) -> tuple[str, str, int]:
    """Return a file's row in RECORD.

    https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return path, f"sha256={digest}", len(data)
