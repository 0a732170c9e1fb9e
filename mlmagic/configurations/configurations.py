"""Configurations kept by name in the workspace, or written to files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.configurations.parsing import Configuration, parse
from mlmagic.configurations.v1_environment import EnvironmentParts, take_apart
from mlmagic.configurations.v1_keys import Section  # noqa: TC001 - read at run time
from mlmagic.entities import InferenceConfig, Problem
from mlmagic.errors import ConfigurationError, did_you_mean
from mlmagic.files import read_record, write_atomically, write_record

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUFFIXES = (".json", ".yml", ".yaml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class KeptConfiguration:
    """A configuration as its author wrote it.

    Attributes:
        name: The name in the workspace, or the file.
        kind: ``inference`` or ``deployment``.
        text: JSON or YAML.
        warnings: Keys that are accepted and not used.
    """

    name: str
    kind: Section
    text: str
    warnings: tuple[Problem, ...] = field(default=())


def is_file_name(name: str) -> bool:
    """Tell a file from a name: it ends in ``.json``, ``.yml`` or ``.yaml``, or holds a slash."""
    return name.lower().endswith(_SUFFIXES) or "/" in name or "\\" in name


class Configurations:
    """The inference and deployment configurations of a workspace.

    Args:
        directory: Where those with names lie; made when the first is kept.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(
        self, kind: Section, name: str, text: str, *, first_line: int = 1
    ) -> KeptConfiguration:
        """Check a configuration and keep it under a name, or write it to a file.

        Args:
            kind: ``inference`` or ``deployment``.
            name: A name, or a file.
            text: JSON or YAML.
            first_line: Line of the cell on which the text begins.

        Raises:
            ConfigurationError: It is wrong, or the name is; nothing is kept.
        """
        checked = parse(kind, text, name=name, first_line=first_line)
        kept = KeptConfiguration(name=name, kind=kind, text=text, warnings=checked.warnings)
        try:
            if is_file_name(name):
                write_atomically(
                    Path(name).expanduser(), text if text.endswith("\n") else f"{text}\n"
                )
            else:
                self._require_free(kind, name)
                write_record(self._path(name), kept)
        except OSError as error:
            raise ConfigurationError(
                f"The configuration '{name}' cannot be written: {error.strerror or error}."
            ) from error
        return kept

    def get(self, name: str) -> KeptConfiguration:
        """Return a configuration by its name.

        Raises:
            ConfigurationError: There is none; the message names the nearest.
        """
        try:
            return read_record(self._path(name), KeptConfiguration)
        except FileNotFoundError:
            raise ConfigurationError(
                f"There is no configuration '{name}'.", hint=did_you_mean(name, self.names())
            ) from None

    def list(self) -> list[KeptConfiguration]:
        """Return the configurations kept by name."""
        return [self.get(name) for name in self.names()]

    def names(self) -> tuple[str, ...]:
        """Return the names that are kept, sorted."""
        files = self.directory.glob("*.json")
        return tuple(sorted(path.name.removesuffix(".json") for path in files))

    def read(self, kind: Section, name: str | Mapping[str, Any]) -> Configuration:
        """Read a configuration by its name, from a file, or from v1's keys as data.

        Raises:
            ConfigurationError: There is none, it is of the other kind, or it is wrong.
        """
        if not isinstance(name, str):
            return parse(kind, json.dumps(name), name=f"the {kind} configuration")
        path = Path(name).expanduser()
        if is_file_name(name) or (name not in self.names() and path.is_file()):
            try:
                return parse(kind, path.read_text(encoding="utf-8-sig"), name=name)
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise ConfigurationError(
                    f"The configuration file '{name}' cannot be read: {reason}.",
                    hint=f"Correct the path; in a notebook, %%{kind}_config keeps one.",
                ) from error
        kept = self.get(name)
        if kept.kind != kind:
            raise ConfigurationError(
                f"'{name}' is of the kind '{kept.kind}', but one of the kind '{kind}' is needed."
            )
        return parse(kind, kept.text, name=name)

    def read_inference(self, name: str | Mapping[str, Any]) -> InferenceConfig:
        """Read an inference configuration by its name, from a file, or from v1's keys as data.

        Raises:
            ConfigurationError: As for `read`, or its environment cannot be used.
        """
        read = self.read("inference", name)
        given = read.given
        value = given.get("environment")
        where, image = f"'{read.name}'", given.get("base_image")
        if isinstance(value, dict):
            where += f" (line {read.lines['environment']})"
            parts = take_apart(value, where=where)
            document = value if parts.definition else {}
        else:
            document = {}
            parts = EnvironmentParts(environment=value)
        return InferenceConfig(
            entry_script=given["script"],
            source_directory=given.get("source_directory"),
            environment=parts.environment or given.get("conda_file"),
            description=given.get("description", ""),
            document=document,
            variables=parts.variables,
            image=parts.image or ({"base_image": image} if image else {}),
            notes=parts.notes + tuple(warning.message.rstrip(".") for warning in read.warnings),
        )

    def read_deployment(self, name: str | Mapping[str, Any]) -> Configuration:
        """Read a deployment configuration, whose ``values`` are for the target.

        Raises:
            ConfigurationError: As for `read`.
        """
        return self.read("deployment", name)

    def _require_free(self, kind: Section, name: str) -> None:
        if name in self.names() and self.get(name).kind != kind:
            raise ConfigurationError(
                f"The name '{name}' is taken by a configuration of another kind.",
                hint="Choose another name.",
            )

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"'{name}' is no name for a configuration.",
                hint="Use up to 64 letters, digits, '_', '.' and '-', or a file such as 'ic.yml'.",
            )
        return self.directory / f"{name}.json"
