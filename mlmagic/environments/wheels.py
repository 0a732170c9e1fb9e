"""Packages that no index has: packed as wheels, kept by content, pinned by their own hash."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from mlmagic.environments.uv_command import UvError, run_uv
from mlmagic.errors import EnvironmentSetupError
from mlmagic.files import digest_file, digest_text, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT = 600
_FIND_LINKS = "--find-links "
# A fixed time makes equal sources equal wheels (the start of what zip files can tell).
_STABLE_TIME = {"SOURCE_DATE_EPOCH": "315532800"}
_BY_PRODUCT = re.compile(r"\..*|__pycache__|node_modules|.*\.egg-info")
_BY_PRODUCT_ON_TOP = re.compile(_BY_PRODUCT.pattern + "|build|dist")
_MARK = ".packed-by-mlmagic"


class PackedWheel:
    """A wheel in the wheel folder.

    Attributes:
        path: The file, alone in a folder named by its digest.
        name: The distribution's normalised name.
        version: Its version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise EnvironmentSetupError(
                f"The file '{path.name}' is not named like a wheel.",
                hint="A wheel is named NAME-VERSION-PYTHON-ABI-PLATFORM.whl.",
            ) from error
        self.name, self.version = str(name), str(version)

    @property
    def option(self) -> str:
        """The option that lets uv find it."""
        return f"{_FIND_LINKS}{self.path.parent}"


def pack(
    source: Path, wheels: Path, *, name: str, on_event: Callable[[str], None] | None = None
) -> PackedWheel:
    """Pack a source folder, an archive or a wheel into the wheel folder.

    Args:
        source: A folder with a project, a source archive, or a wheel.
        wheels: The wheel folder of the workspace.
        name: What to call it in messages.
        on_event: Told what happens.

    Raises:
        EnvironmentSetupError: There is nothing to pack, or it cannot be built.
    """
    if source.suffix == ".whl" and source.is_file():
        return _keep(source, wheels)
    if not source.exists():
        raise EnvironmentSetupError(
            f"The package '{name}' comes from '{source}', which is gone, "
            "so it cannot travel with the service.",
            hint="Install it from an index or from a folder that exists.",
        )
    seen = wheels / ".sources" / _fingerprint(source)
    if seen.is_file() and (place := wheels / seen.read_text("utf-8")).is_file():
        return PackedWheel(place)
    if on_event is not None:
        on_event(f"packing '{name}' from '{source}'")
    with tempfile.TemporaryDirectory(prefix="mlmagic-wheel-") as folder:
        output = Path(folder)
        try:
            run_uv(
                *("build", "--wheel", "--out-dir", str(output), "--python", sys.executable),
                *("--no-create-gitignore", str(source)),
                cwd=output,
                timeout=_TIMEOUT,
                extra=_STABLE_TIME,
            )
        except UvError as error:
            raise EnvironmentSetupError(
                f"The package '{name}' in '{source}' cannot be packed as a wheel: {error.reason}",
                hint="Make 'uv build --wheel' work there, or install the package from an index.",
            ) from error
        wheel = _keep(next(output.glob("*.whl")), wheels)
    write_atomically(seen, str(wheel.path.relative_to(wheels)))
    return wheel


def _fingerprint(source: Path) -> str:
    """What tells whether a source has changed: names, sizes and times of its files."""
    if source.is_file():
        return digest_file(source)
    parts = [str(source)]
    for place, folders, names in os.walk(source):
        by_product = _BY_PRODUCT if Path(place) != source else _BY_PRODUCT_ON_TOP
        folders[:] = sorted(name for name in folders if not by_product.fullmatch(name))
        for name in sorted(names):
            path = Path(place) / name
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                parts.append(f"{path}\0{status.st_size}\0{status.st_mtime_ns}")
    return digest_text(*parts)


def _keep(wheel: Path, wheels: Path) -> PackedWheel:
    PackedWheel(wheel)
    folder = wheels / digest_file(wheel)[:16]
    place = folder / wheel.name
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
        write_atomically(place, wheel.read_bytes())
    return PackedWheel(place)


def packed(index_options: tuple[str, ...]) -> list[PackedWheel]:
    """The wheels that we packed, among what index options name."""
    options = (option for option in index_options if option.startswith(_FIND_LINKS))
    folders = (Path(option.removeprefix(_FIND_LINKS)) for option in options)
    return [
        PackedWheel(wheel)
        for folder in folders
        if (folder / _MARK).exists()
        for wheel in folder.glob("*.whl")
    ]


def own_hashes(text: str, index_options: tuple[str, ...]) -> str:
    """Let a lock accept, for each package that we packed, our wheel alone.

    An index may hold a stranger's package of the same name and version; its hashes would
    stand in the lock too.
    """
    for wheel in packed(index_options):
        pin = f"{wheel.name}=={wheel.version}"
        block = rf"(?m)^{re.escape(pin)}(?=[ ;\\\n])([^\\\n]*?)( \\\n    --hash=\S+)+$"
        line = rf"{pin}\1 \\\n    --hash=sha256:{digest_file(wheel.path)}"
        text = re.sub(block, line, text)
    return text
