"""A project of Azure ML v1, looked through file by file."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.azureml.importing import documents, notebooks
from mlmagic.azureml.importing.discovering import Source, kind_of_path, read, walk
from mlmagic.azureml.importing.documents import finding_of
from mlmagic.azureml.importing.lines import commands
from mlmagic.azureml.importing.reading import UseReader, called_lines, service_uses, texts
from mlmagic.azureml.importing.report import Finding, ImportReport, ProjectFile, gather
from mlmagic.azureml.importing.writing import PYTHON, write_project
from mlmagic.errors import ConfigurationError
from mlmagic.scripts.check import check_script
from mlmagic.scripts.syntax import read_source

# What may name a file or folder beside a notebook, but not the notebook's folder itself.
_FILE_NAME = re.compile(r"(?=.*\w)[^\0\n]{1,255}")

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from mlmagic.entities import Problem


def import_project(source: str | Path, *, write: str | Path | None = None) -> ImportReport:
    """Look through a project of Azure ML v1, and say what will work here.

    Nothing of it is run, and nothing is changed.

    Args:
        source: A folder, or a notebook: then it, and the files beside it that it names.
        write: A folder to make, with the project of mlmagic in it; None only looks.

    Returns:
        What works, what was mapped, and what needs a decision.

    Raises:
        ConfigurationError: There is no such folder or notebook, the notebook is malformed, or the
            folder to make is there already.

    Example:
        >>> import_project("my-v1-project").decide  # doctest: +SKIP
        (Finding(verdict='decide', file='train.py', what='Workspace.get_default_keyvault', ...),)
    """
    given = Path(source).expanduser()
    root, paths = _files(given)
    found = [each for each in (read(path, root) for path in paths) if each is not None]
    files = [ProjectFile(path=each.name, kind=each.kind) for each in found]
    report = gather(str(source), files, (f for each in found for f in _findings(each, root)))
    if write is None:
        return report
    folder = write_project(report, root, paths, found, Path(write).expanduser())
    return replace(report, written=str(folder))


def _files(given: Path) -> tuple[Path, list[Path]]:
    """Return the project's folder and its files."""
    if given.is_dir():
        root = given.resolve()
        return root, list(walk(root))
    if not given.is_file():
        raise ConfigurationError(
            f"There is no folder or notebook '{given}'.", hint="Name the project's folder."
        )
    if given.suffix.lower() != ".ipynb":
        raise ConfigurationError(
            f"The file '{given}' is not a notebook.",
            hint="Name a notebook, or its folder.",
        )
    notebook = given.resolve()
    try:
        text = notebook.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The notebook '{given}' is not UTF-8 text: byte {error.start}.",
            hint="Save it as UTF-8.",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The notebook '{given}' cannot be read: {error.strerror}."
        ) from error
    return notebook.parent, [notebook, *_named(text, notebook)]


def _named(text: str, notebook: Path) -> Iterator[Path]:
    """Yield the files beside a notebook that its texts name, and v1's workspace configuration."""
    names = {".azureml/config.json"}
    for cell in notebooks.cells(notebooks.load(text, notebook.name)):
        tree = read_source(cell.python, "cell").tree
        names |= set(texts(tree)) if tree else set()
    found: set[Path] = set()
    for name in filter(_FILE_NAME.fullmatch, names):
        if kind := kind_of_path(notebook.parent / name):
            path = (notebook.parent / name).resolve()
            if path.is_relative_to(notebook.parent) and path != notebook:
                found |= {path} if kind == "file" else set(walk(path))
    yield from sorted(found)


def _findings(source: Source, root: Path) -> Iterator[Finding]:
    if source.kind == "unreadable file":
        yield Finding(verdict="decide", file=source.name, what=source.kind, text=source.text)
    elif source.kind == "notebook":
        yield from _notebook(source)
    elif source.kind == "entry script":
        yield from _entry_script(source, root)
    elif source.kind == "script":
        yield from _script(source)
    else:
        yield from documents.findings(source, root)


def _script(source: Source) -> Iterator[Finding]:
    parsed = read_source(source.text, source.name)
    yield from _problems(source, parsed.problems)
    if parsed.tree is not None:
        yield from _uses(source, UseReader(), parsed.tree)
        yield from _calls(source, parsed.tree)


def _entry_script(source: Source, root: Path) -> Iterator[Finding]:
    # Which folder travels with it is told where it is deployed, in code that is not run here.
    folders = (each for each in source.path.parents if each.is_relative_to(root))
    problems = min(
        (
            check_script(source.text, name=str(source.path), source_directory=folder)
            for folder in (None, *folders)
        ),
        key=len,
    )
    yield from _problems(source, problems)
    tree = read_source(source.text, source.name).tree
    if tree is not None:
        for use in service_uses(tree):
            yield finding_of(source.name, use.judgement, line=use.line)
    if not any(problem.severity == "error" for problem in problems):
        yield Finding(verdict="works", file=source.name, what="entry script")


def _notebook(source: Source) -> Iterator[Finding]:
    try:
        document = notebooks.load(source.text, source.name)
    except ConfigurationError as error:
        yield Finding(verdict="decide", file=source.name, what="notebook", text=str(error))
        return
    kernel, language = notebooks.kernel_of(document)
    if language != "python":
        text = f"It is written in '{language}', and only Python is run. Write it in Python."
        yield Finding(verdict="decide", file=source.name, what="notebook", text=text)
        return
    if kernel not in ("", PYTHON):
        text = f"It runs in '{PYTHON}' where there is no such kernel."
        yield Finding(verdict="mapped", file=source.name, what=f"kernel {kernel}", text=text)
    cells = notebooks.cells(document)
    reader = UseReader()
    for cell in cells:
        if cell.file and not cell.file.endswith(".py"):
            continue
        parsed = read_source(cell.python, source.name)
        yield from _problems(source, parsed.problems, cell=cell.number)
        if parsed.tree is not None:
            names = {getattr(node, "name", "") for node in parsed.tree.body}
            entry = cell.file is not None and {"init", "run"} <= names
            uses = service_uses(parsed.tree) if entry else reader.read(parsed.tree)
            for use in uses:
                place = {"line": use.line, "cell": cell.number}
                yield finding_of(source.name, use.judgement, **place)
            yield from _calls(source, parsed.tree, cell=cell.number)
        for command in commands(cell.shell):
            place = {"line": command.line, "cell": cell.number}
            yield finding_of(source.name, command.judgement, **place)


def _calls(source: Source, tree: ast.Module, **place: int) -> Iterator[Finding]:
    """Judge the lines that ``os.system`` or ``subprocess`` are given."""
    for line, text in called_lines(tree):
        for command in commands(text, line):
            yield finding_of(source.name, command.judgement, line=command.line, **place)


def _uses(source: Source, reader: UseReader, tree: ast.Module) -> Iterator[Finding]:
    for use in reader.read(tree):
        yield finding_of(source.name, use.judgement, line=use.line)


def _problems(
    source: Source, problems: tuple[Problem, ...] | list[Problem], cell: int | None = None
) -> Iterator[Finding]:
    for problem in problems:
        yield Finding(
            verdict="decide",
            file=source.name,
            what=problem.code.replace("-", " "),
            text=problem.message,
            line=problem.line,
            cell=cell,
        )
