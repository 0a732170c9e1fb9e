"""Which folder is the workspace, and what it is called."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError
from mlmagic.files import read_record, write_atomically, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE_FOLDER = ".mlmagic"
_PROJECT_MARKS = (".git", "pyproject.toml")
_V1_FOLDERS = (".azureml", "aml_config")
_V1_FILES = ("config.json", "project.json")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{1,31}")
NAME_RULE = "2 to 32 letters, digits, '-' and '_', the first a letter or digit"


@dataclass(frozen=True, kw_only=True)
class WorkspaceFact:
    """What ``.mlmagic/workspace.json`` holds."""

    name: str
    created_at: datetime
    v1: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Root:
    """A workspace folder, found but not yet created.

    Attributes:
        path: The folder.
        name: The workspace's name.
        v1: ``subscription_id`` and ``resource_group`` of a v1 configuration, if there is one.
    """

    path: Path
    name: str
    v1: dict[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether the workspace has been used before."""
        return (self.path / STATE_FOLDER / "workspace.json").is_file()

    def create(self) -> None:
        """Make ``.mlmagic/`` with a ``.gitignore`` of its own.

        Raises:
            ConfigurationError: The folder cannot be written.
        """
        state = self.path / STATE_FOLDER
        fact = WorkspaceFact(name=self.name, created_at=datetime.now(UTC), v1=self.v1)
        try:
            write_atomically(state / ".gitignore", "*\n")
            write_record(state / "workspace.json", fact)
        except OSError as error:
            raise ConfigurationError(
                f"The workspace folder '{state}' cannot be created: {error.strerror}.",
                hint="Choose a folder that can be written: Workspace(root) or MLMAGIC_WORKSPACE.",
            ) from error


def find_root(start: Path) -> Root:
    """Find the workspace that a folder belongs to.

    The nearest folder upwards with ``.mlmagic/`` or a v1 configuration, else the project's root
    (``.git`` or ``pyproject.toml``), else the folder itself.
    """
    here = start.expanduser().resolve()
    project: Path | None = None
    for folder in (here, *here.parents):
        if (folder / STATE_FOLDER / "workspace.json").is_file():
            return open_root(folder)
        for file in _v1_files(folder):
            return _v1_root(file, folder)
        if project is None and any((folder / mark).exists() for mark in _PROJECT_MARKS):
            project = folder
    return open_root(project or here)


def open_root(folder: Path, *, name: str | None = None) -> Root:
    """Take a folder as a workspace, under the name it has or gets.

    Raises:
        ConfigurationError: The folder does not exist, or the name breaks the rule.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise ConfigurationError(
            f"The workspace folder '{folder}' does not exist.", hint="Create it first."
        )
    if name is not None and not _NAME.fullmatch(name):
        raise ConfigurationError(f"The workspace name '{name}' is not allowed: {NAME_RULE}.")
    record = folder / STATE_FOLDER / "workspace.json"
    if record.is_file():
        fact = read_record(record, WorkspaceFact)
        if name not in (None, fact.name):
            raise ConfigurationError(
                f"The workspace in '{folder}' is called '{fact.name}', not '{name}'.",
                hint="Leave the name out, or choose another folder.",
            )
        written = (_v1_root(file, folder).v1 for file in _v1_files(folder))
        return Root(path=folder, name=fact.name, v1=next(written, fact.v1))
    return Root(path=folder, name=name or folder.name or "workspace")


def root_from_config(path: Path | None) -> Root:
    """Find a workspace as v1's ``Workspace.from_config`` does.

    Args:
        path: A configuration file of any name, or a folder to start from; None is the current one.

    Raises:
        ConfigurationError: The file is missing or is no workspace configuration.
    """
    place = (path or Path.cwd()).expanduser()
    if place.is_file():
        folder = place.resolve().parent
        return _v1_root(place, folder.parent if folder.name in _V1_FOLDERS else folder)
    if not place.is_dir():
        raise ConfigurationError(
            f"The workspace configuration '{place}' does not exist.",
            hint="Give a file or a folder, or use Workspace() for the current folder.",
        )
    return find_root(place)


def holds_configuration(folder: Path) -> bool:
    """Whether a folder is a workspace by a configuration of Azure ML v1."""
    return any(_v1_files(folder))


def _v1_files(folder: Path) -> Iterator[Path]:
    for sub in _V1_FOLDERS:
        for name in _V1_FILES:
            if (folder / sub / name).is_file():
                yield folder / sub / name


def _v1_root(file: Path, folder: Path) -> Root:
    """Read form A (three names) or form B (``Scope``) of a v1 workspace configuration."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8-sig"))
        if "Scope" in content:
            parts = content["Scope"].strip("/").split("/")
            pairs = dict(zip(parts[::2], parts[1::2], strict=False))
            content = {
                "subscription_id": pairs["subscriptions"],
                "resource_group": pairs["resourceGroups"],
                "workspace_name": pairs["workspaces"],
            }
        name = str(content["workspace_name"])
        v1 = {key: str(content[key]) for key in ("subscription_id", "resource_group")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"The file '{file}' is not a workspace configuration.",
            hint="It needs 'subscription_id', 'resource_group' and 'workspace_name'.",
        ) from error
    return Root(path=folder, name=name, v1=v1)
