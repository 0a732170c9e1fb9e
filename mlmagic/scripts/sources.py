"""The files that travel with an entry script."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from mlmagic.entities import SourceTree
from mlmagic.errors import ScriptError
from mlmagic.scripts.ignoring import IGNORE_FILE, Ignored, looks_secret
from mlmagic.scripts.imports import imported_modules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mlmagic.entities import ContentFile

_SHOWN = 8


class Content(Protocol):
    """What is needed of the content store."""

    def add(self, path: Path, *, name: str) -> ContentFile:
        """Keep a file's content and return how it is known."""

    def place(self, file: ContentFile, destination: Path, *, link: bool = True) -> None:
        """Write a kept file to a path, verified."""


def collect_sources(
    script: Path | str,
    source_directory: Path | str | None,
    content: Content,
    *,
    allow: Collection[str] = (),
    roots: Iterable[Path] = (),
) -> SourceTree:
    """Put the files that travel with a script into the content store.

    Without a source directory these are the script and the local modules it imports. With one,
    everything in it but version control, caches, notebooks, virtual environments and what
    ``.mlmagicignore`` names. Files are sorted, so an unchanged folder gives an equal tree.

    Args:
        script: The entry script, relative to the source directory where one is given.
        source_directory: The folder that travels whole.
        content: The content store.
        allow: Files that look like secrets and travel all the same, by path or base name.
        roots: More folders that local modules come from.

    Raises:
        ScriptError: The script is missing, a file looks like a secret, or a link leads outside.
    """
    folder = None if source_directory is None else Path(source_directory).resolve()
    if folder is None:
        path = Path(script)
        _require_script(path, script)
        chosen = dict(_imported_files(path, roots))
        entry, name = path.name, None
    else:
        entry = entry_in(folder, script)
        chosen = dict(_Walk(folder).files())
        chosen.setdefault(entry, folder / entry)
        name = folder.name or None
    _refuse_secrets(chosen, allow, folder)
    return SourceTree(
        entry_script=entry,
        name=name,
        files=tuple(_add(content, chosen[inside], inside) for inside in sorted(chosen)),
    )


def place_sources(tree: SourceTree, content: Content, app_root: Path) -> Path:
    """Lay a source tree out as v1 does, and return the path of the entry script.

    The files lie in ``<app root>/<name of the source directory>/``, or at the app root where
    there was no source directory. They are copies: a script that writes beside itself must not
    reach the content store.
    """
    base = app_root / tree.name if tree.name else app_root
    for file in tree.files:
        inside = PurePosixPath(file.path)
        if inside.is_absolute() or ".." in inside.parts:
            raise ScriptError(f"The path '{file.path}' leads out of the source tree.")
        destination = base / inside
        destination.parent.mkdir(parents=True, exist_ok=True)
        content.place(file, destination, link=False)
    return base / tree.entry_script


def entry_in(folder: Path, script: Path | str) -> str:
    """Return an entry script's path inside its source directory, with forward slashes.

    Args:
        folder: The source directory.
        script: Relative to the folder, as in v1, or any path that lies in it.

    Raises:
        ScriptError: There is no such folder or script, or the script lies elsewhere.
    """
    if not folder.is_dir():
        raise ScriptError(
            f"The source directory '{folder}' does not exist.", hint="Correct its path."
        )
    base = folder.resolve()
    inside = base / script
    path = inside if inside.is_file() else Path(script).absolute()
    _require_script(path, script, f" in '{folder}'")
    resolved = path.parent.resolve() / path.name
    if not resolved.is_relative_to(base):
        raise ScriptError(
            f"The entry script '{script}' lies outside the source directory '{folder}'.",
            hint="Move it there, or name a source directory that holds it.",
        )
    return resolved.relative_to(base).as_posix()


def _require_script(path: Path, given: Path | str, where: str = "") -> None:
    if not path.is_file():
        raise ScriptError(
            f"The entry script '{given}' does not exist{where}.",
            hint="Correct the path; in a notebook, %%score_script writes it.",
        )


def _imported_files(script: Path, roots: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    try:
        imports = imported_modules(script, roots=roots)
    except UnicodeDecodeError as error:
        raise ScriptError(
            f"The entry script '{script}' is not UTF-8 text (byte {error.start}).",
            hint="Save it as UTF-8.",
        ) from error
    for file in imports.local_files:
        yield file.name, file.path
    # Last: a module that imports the script back finds it in the same place.
    yield script.name, script


def _add(content: Content, path: Path, name: str) -> ContentFile:
    try:
        return content.add(path, name=name)
    except OSError as error:
        raise ScriptError(
            f"The source file '{path}' cannot be read: {error.strerror or error}.",
            hint=f"Make it readable, or name it in '{IGNORE_FILE}' to leave it behind.",
        ) from error


def _refuse_secrets(chosen: dict[str, Path], allow: Collection[str], folder: Path | None) -> None:
    named = Ignored(folder).is_named if folder else (lambda _inside: False)
    suspects = [
        inside
        for inside in sorted(chosen)
        if looks_secret(inside) and not {inside, PurePosixPath(inside).name} & {*allow}
    ]
    refused = [inside for inside in suspects if not named(inside)]
    if refused:
        raise ScriptError(
            f"Files that look like secrets would travel with the script: {_listed(refused)}.",
            hint=f"Leave them behind by naming them in '{IGNORE_FILE}', or let one travel with "
            f"the line '!{refused[0]}' there.",
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more


class _Walk:
    """All files of a source directory; what cannot travel is gathered and refused at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ignored = Ignored(folder)
        self.outside: list[str] = []
        self.odd: list[str] = []

    def files(self) -> Iterator[tuple[str, Path]]:
        yield from list(self._walk(self.folder, PurePosixPath()))
        if self.outside:
            raise ScriptError(
                f"Links lead out of the source directory: {_listed(self.outside)}.",
                hint=f"Copy what they point to, or name them in '{IGNORE_FILE}'.",
            )
        if self.odd:
            raise ScriptError(
                f"These are neither files nor folders, or broken links: {_listed(self.odd)}.",
                hint=f"Remove them, or name them in '{IGNORE_FILE}'.",
            )

    def _walk(self, folder: Path, inside: PurePosixPath) -> Iterator[tuple[str, Path]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise ScriptError(
                f"The folder '{folder}' cannot be read: {error.strerror}.",
                hint=f"Make it readable, or name it in '{IGNORE_FILE}'.",
            ) from error
        for entry in entries:
            yield from self._entry(entry, inside / entry.name)

    def _entry(self, entry: os.DirEntry[str], inside: PurePosixPath) -> Iterator[tuple[str, Path]]:
        path = Path(entry.path)
        if self.ignored.skips(inside, folder=entry.is_dir()):
            return
        if entry.is_symlink() and not path.resolve().is_relative_to(self.folder):
            self.outside.append(str(inside))
        elif entry.is_dir():
            # A link to a folder that holds it would never end.
            if entry.is_symlink() and path.parent.resolve().is_relative_to(path.resolve()):
                self.odd.append(str(inside))
            elif not (path / "pyvenv.cfg").exists():
                yield from self._walk(path, inside)
        elif entry.is_file():
            yield str(inside), path
        else:
            self.odd.append(str(inside))
