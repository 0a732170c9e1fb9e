"""The wheels of a lock's packages, for a machine that has Python alone."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from importlib.metadata import Distribution
from typing import TYPE_CHECKING

from mlmagic.files import digest_text
from mlmagic.images.packages import LOCAL, OUTSIDE, SHEBANG, install_packages, recorded
from mlmagic.images.places import WHEELS
from mlmagic.images.tars import folder_entries, tar_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mlmagic.entities import Lock
    from mlmagic.images.layers import Layer, LayerStore

_FORMAT = "1"
_COMMANDS = ("console_scripts", "gui_scripts")
_WHO_INSTALLED = ("RECORD", "INSTALLER", "REQUESTED")
_TAG = re.compile(r"(?m)^Tag: (\S+)-(\S+)-(\S+)$")


def wheels_layer(
    store: LayerStore, lock: Lock, *, platform: str, on_event: Callable[[str], None]
) -> Layer:
    """Make the layer, or take it from the cache.

    uv keeps packages unpacked, and those without a wheel compiled: it gives no wheel away. So they
    are packed again from what it installs, with hashes.

    Args:
        store: The cache.
        lock: What is packed; it must be for the platform.
        platform: Such as ``linux-x86_64``.
        on_event: Told what happens.

    Raises:
        ImageBuildError: A package cannot be had for the lock's Python and the platform.
    """

    def make(work: Path) -> Iterable[bytes]:
        on_event(
            f"bundle: wheels for Python {lock.python_version} on {platform} ({len(lock.packages)})"
        )
        install_packages(work, lock, platform, on_event)
        wheels = work / "wheels"
        wheels.mkdir()
        for information in sorted((work / "prefix").glob("lib/*/*-packages/*.dist-info")):
            _pack(information, wheels)
        return tar_stream(folder_entries(wheels, WHEELS))

    key = digest_text("wheels", _FORMAT, lock.identity, platform)
    return store.stored(key, f"wheels of lock {lock.identity}", make)


def _pack(information: Path, wheels: Path) -> None:
    """Make the wheel of an installed package.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    name = information.name.removesuffix(".dist-info")
    tags = zip(*_TAG.findall((information / "WHEEL").read_text("utf-8")), strict=True)
    tag = "-".join(".".join(dict.fromkeys(each)) for each in tags)
    record = io.StringIO()
    row = csv.writer(record, lineterminator="\n").writerow
    with zipfile.ZipFile(wheels / f"{name}-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for place, file in _files(information, name):
            data = file.read_bytes()
            if ".data/scripts/" in place:
                data = SHEBANG.sub(b"#!python\n", data)
            row(recorded(place, data))
            _write(wheel, place, data, executable=bool(file.stat().st_mode & 0o100))
        place = f"{information.name}/RECORD"
        row((place, "", ""))
        _write(wheel, place, record.getvalue().encode(), executable=False)


def _files(information: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Give what a package brought, by its places in a wheel; what an installer made stays away."""
    commands = Distribution.at(information).entry_points
    generated = {each.name for each in commands if each.group in _COMMANDS}
    with (information / "RECORD").open(encoding="utf-8", newline="") as listed:
        paths = sorted(row[0] for row in csv.reader(listed) if row)
    for path in paths:
        file = information.parent / path
        outside = path.removeprefix(OUTSIDE)
        if LOCAL.search(path) or (file.parent == information and file.name in _WHO_INSTALLED):
            continue
        if outside == path:
            yield path, file
        elif not outside.startswith("bin/"):
            yield f"{name}.data/data/{outside}", file
        elif file.name not in generated:
            yield f"{name}.data/scripts/{outside.removeprefix('bin/')}", file


def _write(wheel: zipfile.ZipFile, place: str, data: bytes, *, executable: bool) -> None:
    entry = zipfile.ZipInfo(place)  # of 1980: the same bytes each time
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    wheel.writestr(entry, data)
