"""Which files a path stands for, and the names they get (the layout of Azure ML v1)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def collect(paths: Sequence[Path]) -> dict[str, Path]:
    """Say which files lie at paths, by their names in the registry.

    A file keeps its base name; a folder is the top of its own tree.

    Args:
        paths: Files and folders.

    Returns:
        Name with forward slashes to file, sorted by name.

    Raises:
        RegistryError: A path is missing, empty, unreadable, of a strange kind, or has a link
            that leads out of its folder.
    """
    files: dict[str, Path] = {}
    for path in paths:
        for name, file in _below(path):
            if name in files:
                raise RegistryError(
                    f"'{files[name]}' and '{file}' would both be stored as '{name}'.",
                    hint="Rename one, or register the folder that holds both.",
                )
            files[name] = file
    if not files:
        raise RegistryError("No files were given to register.")
    return dict(sorted(files.items()))


def _below(path: Path) -> Iterator[tuple[str, Path]]:
    if not os.path.lexists(path):
        raise RegistryError(
            f"The model path '{path}' does not exist.",
            hint=f"It is looked for from '{Path.cwd()}'.",
        )
    if not path.is_dir():
        _check_kind(path)
        yield _portable(path.name, path), path
        return
    # The name of '.' or 'a/..' is that of the folder itself.
    top = path.resolve()
    found = [(f"{top.name}/{name}", file) for name, file in _walk(path, top, "", (top,))]
    if not found:
        raise RegistryError(
            f"The folder '{path}' is empty.", hint="Give a folder that holds the model's files."
        )
    yield from found


def _walk(
    folder: Path, top: Path, prefix: str, ancestors: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise RegistryError(f"The folder '{folder}' cannot be read ({error.strerror}).") from error
    for entry in entries:
        path, name = Path(entry.path), prefix + entry.name
        if entry.is_symlink():
            _check_link(path, top)
        if not entry.is_dir():
            _check_kind(path)
            yield _portable(name, path), path
            continue
        real = path.resolve()
        if real in ancestors:
            raise RegistryError(f"The link '{path}' leads back to its own folder.")
        yield from _walk(path, top, f"{name}/", (*ancestors, real))


def _check_link(path: Path, top: Path) -> None:
    target = path.resolve()
    if not target.is_relative_to(top):
        raise RegistryError(
            f"The link '{path}' leads outside the folder, to '{target}'.",
            hint="Put a copy in its place.",
        )


def _check_kind(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise RegistryError(f"The file '{path}' cannot be read ({error.strerror}).") from error
    if not stat.S_ISREG(mode):
        raise RegistryError(f"'{path}' is neither a file nor a folder.")
    if not os.access(path, os.R_OK):
        raise RegistryError(
            f"The file '{path}' cannot be read (permission denied).",
            hint="Check its permissions.",
        )


def _portable(name: str, path: Path) -> str:
    """Refuse names that JSON, or another system's file names, cannot hold."""
    if not name.isprintable():
        raise RegistryError(
            f"The file name {str(path)!r} has characters that cannot be stored.",
            hint="Rename it.",
        )
    return name
