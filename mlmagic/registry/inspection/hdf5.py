"""HDF5 files, which Keras reads: their configuration, and what leads out of the file."""

from __future__ import annotations

import importlib
from typing import IO, Any

from mlmagic.registry.inspection import keras_models
from mlmagic.registry.inspection.findings import Finding

MAGIC = b"\x89HDF\r\n\x1a\n"
_FIRST_BLOCK = 512
_CONFIGURATIONS = ("model_config", "training_config")
# Zeros compress well; no weights do by more than this.
_RATIO = 10_000
_SMALL = 64 << 20


def begins(stream: IO[bytes], size: int, *, behind_block: bool) -> bool:
    """Say whether it is HDF5: from the start, or also behind a block of 512 bytes, 1,024, …."""
    at = 0
    while at + len(MAGIC) <= size:
        stream.seek(at)
        if stream.read(len(MAGIC)) == MAGIC:
            stream.seek(0)
            return True
        if not behind_block:
            break
        at = max(_FIRST_BLOCK, at * 2)
    stream.seek(0)
    return False


def scan(stream: IO[bytes], size: int, name: str) -> list[Finding]:
    """Look through all groups."""
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        why = "an HDF5 file can be checked only where 'h5py' is installed"
        return [Finding(name="HDF5", file=name, why=why)]
    try:
        with h5py.File(stream, "r") as file:
            findings = [Finding(name=key, file=name, why=why) for key, why in _groups(h5py, file)]
            for key in _CONFIGURATIONS:
                told = file.attrs.get(key)
                if told is not None:
                    findings += keras_models.scan_configuration(told, f"{name}/{key}")
            return findings + _too_large(h5py, file, size, name)
    except Exception as error:  # noqa: BLE001 - whatever the library finds, another may not mind
        return [Finding(name="HDF5", file=name, why=f"it cannot be read to its end ({error})")]


def _groups(h5py: Any, group: Any, above: frozenset[Any] = frozenset()) -> list[tuple[str, str]]:
    """Find what leads out of the file."""
    found: list[tuple[str, str]] = []
    for key in group:
        place, link = f"{group.name.rstrip('/')}/{key}", group.get(key, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            found.append((place, f"it leads to another file, '{link.filename}'"))
            continue
        if isinstance(link, h5py.SoftLink):
            continue  # where it leads is seen there, or it leads nowhere
        below = group[key]
        if isinstance(below, h5py.Dataset):
            found += _outside(place, below)
        elif isinstance(below, h5py.Group) and below.id not in above:
            found += _groups(h5py, below, above | {below.id})
    return found


def _outside(place: str, data: Any) -> list[tuple[str, str]]:
    if data.external:
        return [(place, f"its numbers lie in another file, '{data.external[0][0]}'")]
    if data.is_virtual:
        return [(place, "its numbers lie in other files")]
    return []


def _too_large(h5py: Any, file: Any, size: int, name: str) -> list[Finding]:
    found: list[Finding] = []

    def look(key: str, data: Any) -> None:
        if isinstance(data, h5py.Dataset) and data.nbytes > max(_SMALL, _RATIO * size):
            why = f"it claims {data.nbytes} bytes of numbers in a file of {size}"
            found.append(Finding(name=key, file=name, why=why))

    file.visititems(look)
    return found
