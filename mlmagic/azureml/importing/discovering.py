"""The files of a project, and what each is."""

from __future__ import annotations

import ast
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlmagic.azureml.importing.lines import commands
from mlmagic.azureml.importing.reading import called_lines, imports_v1
from mlmagic.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.azureml.importing.report import Kind

# Folders that hold no source of the project.
SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".mlmagic", ".venv", "venv", "node_modules", "__pycache__"}
    | {".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", "site-packages"}
)
_LARGEST = 20_000_000  # bytes; a notebook with pictures may have some, data are not read
_SHELL = (".sh", ".bash", ".zsh", ".ps1", ".cmd", ".bat")
_DOCUMENTS = (".json", ".yml", ".yaml", ".runconfig", ".jsonc")
# Keys that tell configurations of v1 from others.
_KEYS: tuple[tuple[Kind, frozenset[str]], ...] = (
    ("inference configuration", frozenset({"entryScript", "entry_script"})),
    (
        "deployment configuration",
        frozenset({"computeType", "compute_type", "containerResourceRequirements"}),
    ),
)
_KEY_OF_YAML = re.compile(r"(?m)^[\"']?(\w+)[\"']?\s*:")
_KEY_OF_JSON = re.compile(r"[\"'](\w+)[\"']\s*:")
_AZ_ML = re.compile(r"\baz\s+ml\b")
# Words that tell documents of v1, malformed ones too, from others.
_WORDS: tuple[tuple[Kind, str], ...] = (
    ("run configuration", r"(?m:^\s*[\"']?(communicator|nodeCount)[\"']?\s*:)"),
    ("environment", r"\b(condaDependencies|inferencingStackVersion|baseDockerfile)\b[\"']?\s*:"),
    ("pipeline", r"\baz\s+ml\b|azure-cli-ml|uses:\s*[\"']?azure/aml-|azuremlschemas"),
    ("workspace configuration", r"[\"']workspace_name[\"']\s*:"),
    ("environment", r"(?ms:^dependencies\s*:.*^\s*-\s*[\"']?(pip|python)\b)"),  # Conda's
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file as read.

    Attributes:
        path: The file.
        name: Relative to the project, with forward slashes.
        kind: What it is.
        text: Its text.
    """

    path: Path
    name: str
    kind: Kind
    text: str


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in order, without version control, caches and environments.

    Links are not followed.

    Raises:
        ConfigurationError: A folder cannot be read.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ConfigurationError(
            f"The folder '{folder}' cannot be read: {error.strerror}.",
            hint="Make it readable, or copy the project without it.",
        ) from error
    for entry in entries:
        if entry.is_symlink():
            continue
        if entry.is_dir():
            inside = Path(entry.path)
            if entry.name not in SKIPPED and not (inside / "pyvenv.cfg").exists():
                yield from walk(inside)
        elif entry.is_file():
            yield Path(entry.path)


def kind_of_path(path: Path) -> Literal["file", "folder"] | None:
    """Tell what a text of the project names; None for nothing, such as a name that is too long."""
    with suppress(OSError, ValueError):  # too long, no text of the file system, not to be looked at
        return "file" if path.is_file() else "folder" if path.is_dir() else None
    return None


def read(path: Path, root: Path) -> Source | None:
    """Read a file, if it has to do with Azure ML v1.

    A file that cannot be read as UTF-8, but by its name might, is of the kind ``unreadable file``,
    with the reason as its text.
    """
    name = path.relative_to(root).as_posix()
    suffix = path.suffix.lower()
    requirements = suffix == ".txt" and "requirements" in path.name.lower()
    told = (".py", ".ipynb", *_SHELL, *_DOCUMENTS)
    if not (suffix in told or requirements or path.name in ("Makefile", "Dockerfile")):
        return None
    try:
        if path.stat().st_size > _LARGEST:
            return None
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if suffix in _DOCUMENTS and b"azureml" not in error.object:
            return None  # data of some other kind
        reason = f"It is not UTF-8 text: byte {error.start}. Save it as UTF-8."
        return Source(path=path, name=name, kind="unreadable file", text=reason)
    except OSError as error:
        reason = f"It cannot be read: {error.strerror}."
        return Source(path=path, name=name, kind="unreadable file", text=reason)
    text = text.replace("\r\n", "\n")
    kind = _kind(path, suffix, text, requirements=requirements)
    return Source(path=path, name=name, kind=kind, text=text) if kind else None


def _kind(path: Path, suffix: str, text: str, *, requirements: bool) -> Kind | None:
    if suffix == ".py":
        return _kind_of_python(text)
    if suffix in _DOCUMENTS:
        return _kind_of_document(path, suffix, text)
    calls = _AZ_ML.search(text) is not None
    if suffix == ".ipynb":
        return "notebook" if calls or "azureml" in text else None
    if requirements:
        return "requirements" if "azureml" in text else None
    return "shell script" if calls else None


def _kind_of_document(path: Path, suffix: str, text: str) -> Kind | None:
    if suffix == ".runconfig":
        return "run configuration"
    if path.name == "azureml_environment.json":
        return "environment"
    keys = _keys_of(text)
    for kind, names in _KEYS:
        if names & keys:
            return kind
    return next((kind for kind, words in _WORDS if re.search(words, text)), None)


def _keys_of(text: str) -> set[str]:
    """Return the keys of a document, none of what lies in them; all where it is malformed JSON."""
    if not text.lstrip().startswith("{"):
        return set(_KEY_OF_YAML.findall(text))
    with suppress(ValueError, RecursionError):
        return set(json.loads(text))
    return set(_KEY_OF_JSON.findall(text))


def _kind_of_python(text: str) -> Kind | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        entry = re.search(r"(?m)^def init\(", text) and re.search(r"(?m)^def run\(", text)
        if entry:
            return "entry script"
        return "script" if "azureml" in text else None
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in tree.body if isinstance(node, functions)}
    if {"init", "run"} <= names:
        return "entry script"
    return "script" if imports_v1(tree) or _calls_v1(tree) else None


def _calls_v1(tree: ast.Module) -> bool:
    return any(True for line, text in called_lines(tree) for _ in commands(text, line))
