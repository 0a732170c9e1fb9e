"""Environments that are given: requirements, Conda YAML, pyproject.toml, a list."""

from __future__ import annotations

import re
import sys
import tomllib
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlmagic.entities import Environment
from mlmagic.environments.conda import parse_conda
from mlmagic.environments.python_version import FLOOR, short_version
from mlmagic.environments.requirement_files import Collected
from mlmagic.errors import EnvironmentSetupError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FOUND = (
    "requirements.txt",
    "conda.yml",
    "conda.yaml",
    "environment.yml",
    "environment.yaml",
    "conda_dependencies.yml",
    "pyproject.toml",
)
_CONDA = re.compile(r"^(dependencies|channels|name)\s*:", re.MULTILINE)
_NEWEST_MINOR = 14


def from_text(name: str, text: str, *, base: Path, wheels: Path, source: str) -> Environment:
    """Read requirement lines or Conda YAML, whichever it is."""
    if _CONDA.search(text):
        return _from_conda(name, text, base=base, wheels=wheels, source=source)
    return from_lines(name, text.splitlines(), base=base, wheels=wheels, source=source)


def from_lines(
    name: str, lines: Iterable[str], *, base: Path, wheels: Path, source: str
) -> Environment:
    """Read requirement lines."""
    collected = Collected(wheels)
    collected.add(lines, base=base, source=source)
    return _environment(name, collected, source)


def from_file(path: Path, *, wheels: Path) -> Environment:
    """Read a requirements file, Conda YAML or pyproject.toml.

    Raises:
        EnvironmentSetupError: There is no such file, or it is not understood.
    """
    name = path.resolve().parent.name or "environment"
    source = str(path)
    if path.suffix in (".yml", ".yaml", ".toml"):
        text = _text(path)
        if path.suffix == ".toml":
            return _from_pyproject(name, text, path, wheels)
        return _from_conda(None, text, base=path.parent, wheels=wheels, source=source)
    collected = Collected(wheels)
    collected.read(path)
    return _environment(name, collected, source)


def find_file(source_directory: Path) -> Path | None:
    """The file of a source directory that says what it needs, if there is one."""
    candidates = (source_directory / name for name in _FOUND)
    return next((path for path in candidates if path.is_file() and _says_something(path)), None)


def _says_something(path: Path) -> bool:
    """A pyproject.toml may hold nothing but settings of tools."""
    if path.name != "pyproject.toml":
        return True
    return "project" in _toml(_text(path), path)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise EnvironmentSetupError(f"There is no file '{path}'.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentSetupError(f"The file '{path}' cannot be read: {error}.") from error


def _from_conda(
    name: str | None, text: str, *, base: Path, wheels: Path, source: str
) -> Environment:
    conda = parse_conda(text, source=source)
    collected = Collected(wheels)
    collected.add(conda.requirements, base=base, source=source)
    collected.add(conda.pip, base=base, source=source)
    origin = "; ".join([f"'{source}'", *conda.notes])
    return _environment(
        name or conda.name or base.resolve().name,
        collected,
        source,
        python=conda.python_version and short_version(conda.python_version),
        origin=origin,
    )


def _toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EnvironmentSetupError(f"'{path}' is not TOML: {error}.") from error


def _from_pyproject(name: str, text: str, path: Path, wheels: Path) -> Environment:
    project = _toml(text, path).get("project")
    if not isinstance(project, dict):
        raise EnvironmentSetupError(
            f"'{path}' has no table [project].", hint="Add one with 'dependencies', or name a file."
        )
    if "dependencies" in project.get("dynamic", ()):
        raise EnvironmentSetupError(
            f"The dependencies in '{path}' are dynamic, known only to its build.",
            hint="Write them to a requirements.txt beside it.",
        )
    collected = Collected(wheels)
    collected.add(project.get("dependencies", ()), base=path.parent, source=str(path))
    return _environment(
        project.get("name", name),
        collected,
        str(path),
        python=_python_for(project.get("requires-python"), path),
    )


def _python_for(specifier: str | None, path: Path) -> str | None:
    if specifier is None:
        return None
    try:
        allowed = SpecifierSet(specifier)
    except InvalidSpecifier as error:
        raise EnvironmentSetupError(
            f"'requires-python' in '{path}' is not understood: '{specifier}'."
        ) from error
    if allowed.contains(".".join(map(str, sys.version_info[:3]))):
        return None
    minors = range(_NEWEST_MINOR, FLOOR[1] - 1, -1)
    fitting = (f"3.{minor}" for minor in minors if allowed.contains(f"3.{minor}.99"))
    version = next(fitting, None)
    if version is None:
        raise EnvironmentSetupError(
            f"'{path}' asks for Python '{specifier}'; services need 3.{FLOOR[1]} or later.",
            hint="Widen 'requires-python', or name another environment.",
        )
    return version


def _environment(
    name: str,
    collected: Collected,
    source: str,
    *,
    python: str | None = None,
    origin: str | None = None,
) -> Environment:
    return Environment(
        name=name,
        python_version=python,
        requirements=tuple(dict.fromkeys(collected.requirements)),
        limits=tuple(dict.fromkeys(collected.limits)),
        index_options=tuple(collected.index_options),
        origin=origin or f"'{source}'",
    )
