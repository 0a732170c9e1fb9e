"""Which files a path stands for, and the names they get (the layout of Azure ML v1)."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Deeper folders are an accident, and more than readers of paths take.
_DEEPEST = 100


def as_paths(source: object) -> list[Path] | None:
    """Return the paths that a source is; None where it is an object."""
    if isinstance(source, str | Path):
        return [Path(source).expanduser()]
    if (
        isinstance(source, Sequence)
        and source
        and all(isinstance(item, str | Path) for item in source)
    ):
        return [Path(item).expanduser() for item in source]
    return None


def collect(paths: Sequence[Path], child_paths: Sequence[str] = ()) -> dict[str, Path]:
    """Say which files lie at paths, by their names in the registry.

    A file keeps its base name; a folder is the top of its own tree.

    Args:
        paths: Files and folders.
        child_paths: Of one folder, only these files and folders in it.

    Returns:
        Name with forward slashes to file, sorted by name.

    Raises:
        RegistryError: A path is missing, empty, unreadable, of a strange kind, has a link that
            leads out of its folder, or a name that is another's where case does not count.
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
    if child_paths:
        files = _only(files, paths, child_paths)
    _check_twins(files)
    return dict(sorted(files.items()))


def stamps(files: Mapping[str, Path]) -> dict[str, tuple[int, int, int]]:
    """Say what of files is different once somebody has written to them.

    Raises:
        RegistryError: One is gone.
    """
    try:
        found = {name: path.stat() for name, path in files.items()}
    except OSError as error:
        raise changed(error.filename) from error
    return {name: (each.st_ino, each.st_size, each.st_mtime_ns) for name, each in found.items()}


def changed(path: object) -> RegistryError:
    """Say that somebody wrote to what was being registered."""
    return RegistryError(
        f"The file '{path}' changed while it was read.",
        hint="Register it when nobody writes to it.",
    )


def _check_twins(files: Mapping[str, Path]) -> None:
    """Refuse names of which one would replace the other, as on a disk of macOS."""
    seen: dict[str, str] = {}
    for name in files:
        first = seen.setdefault(_folded(name), name)
        if first != name:
            raise _twins(first, name)
    for name in files:
        for parent in PurePosixPath(name).parents:
            first = seen.get(_folded(str(parent)), "")
            if first:
                raise _twins(first, name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _twins(first: str, second: str) -> RegistryError:
    return RegistryError(
        f"'{first}' and '{second}' are the same name where case does not count, as on macOS.",
        hint="Rename one.",
    )


def _only(
    files: dict[str, Path], paths: Sequence[Path], child_paths: Sequence[str]
) -> dict[str, Path]:
    """Keep what lies at or below child paths; names stay as they are, as in Azure ML v1."""
    if len(paths) != 1 or not paths[0].is_dir():
        raise RegistryError("Child paths were given, but the model is not one folder.")
    top = paths[0].resolve().name
    kept: dict[str, Path] = {}
    for child in child_paths:
        wanted = f"{top}/{os.path.normpath(child).replace(os.sep, '/')}"
        found = {
            name: file
            for name, file in files.items()
            if name == wanted or name.startswith(f"{wanted}/")
        }
        if not found:
            raise RegistryError(
                f"The child path '{child}' does not exist in '{paths[0]}'.",
                hint=f"The folder holds {', '.join(list(files)[:5])}, ….",
            )
        kept |= found
    return kept


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
    if len(ancestors) > _DEEPEST:
        raise RegistryError(
            f"The folder '{top}' has folders more than {_DEEPEST} deep in one another.",
            hint="Move what the model needs further up.",
        )
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
    """Refuse names that JSON, a bundle, or another system's paths cannot hold."""
    if not name.isprintable() or "\\" in name:
        raise RegistryError(
            f"The file name {str(path)!r} has characters that cannot be stored.",
            hint="Rename it.",
        )
    return name
