"""The scoring server of the running version, put where a service's Python finds it.

The folder travels by its content: the same code has the same name, from a wheel and from a
checkout alike, so that a service started last week keeps the server it was started with.
"""

from __future__ import annotations

import compileall
import hashlib
import py_compile
import shutil
import tempfile
from pathlib import Path

from mlmagic._version import __version__
from mlmagic.errors import EnvironmentSetupError
from mlmagic.files import storage_faults

_PACKAGE = Path(__file__).parents[1]
_INIT = f'"""The scoring server of mlmagic, without the rest."""\n\n__version__ = "{__version__}"\n'


def runtime_digest() -> str:
    """The SHA-256 of the scoring server's files as they are now.

    Compiled files and leftovers of editors do not count.
    """
    digest = hashlib.sha256()
    for name, data in runtime_files():
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def place_runtime(cache: Path) -> Path:
    """Put ``mlmagic.scoring``, compiled, into a folder of its own.

    Args:
        cache: The user's cache; the folder is ``runtime/DIGEST`` in it.

    Returns:
        The folder to name in ``PYTHONPATH``.

    Raises:
        EnvironmentSetupError: The cache cannot be written.
    """
    place = cache / "runtime" / runtime_digest()
    if place.is_dir():
        return place
    with storage_faults(place.parent, EnvironmentSetupError):
        _make(place)
    return place


def _make(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:12]}-"))
    try:
        _write(building)
        building.chmod(0o755)
        try:
            building.rename(place)
        except OSError:
            # Two at once write the same content; the second finds the name taken.
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write(folder: Path) -> None:
    for name, data in runtime_files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    # The content never changes under its name, so nothing needs to look at times.
    compileall.compile_dir(
        folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )


def runtime_files() -> list[tuple[str, bytes]]:
    """The scoring server's files: path below a folder of ``sys.path``, and content."""
    root = _PACKAGE
    files = [("mlmagic/__init__.py", _INIT.encode())]
    for path in sorted((root / "scoring").rglob("*")):
        parts = path.relative_to(root).parts
        if (
            path.is_file()
            and path.suffix not in (".pyc", ".pyo")
            and not any(part.startswith(".") or part == "__pycache__" for part in parts)
            and not path.name.endswith("~")
        ):
            files.append(("/".join(("mlmagic", *parts)), path.read_bytes()))
    return files


def runtime_requirements() -> tuple[str, ...]:
    """What the scoring server itself needs, as requirement lines."""
    path = _PACKAGE / "scoring" / "requirements.txt"
    lines = (line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line)
