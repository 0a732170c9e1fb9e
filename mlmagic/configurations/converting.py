"""A line, and settings, that say what configuration files of Azure ML v1 say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.configurations.parsing import as_written
from mlmagic.configurations.v1_environment import take_apart
from mlmagic.options import magic_verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlmagic.configurations.parsing import Configuration
    from mlmagic.configurations.v1_environment import EnvironmentParts
    from mlmagic.options import Option

_SAME = {"conda_file": "environment"}
# What a workspace can say once for all its services: values of configurations, and their settings.
# The setting 'target' would win over every line; a configuration only chooses where none is named.
_SETTINGS = {
    "target": "default_target",
    "base_image": "base_image",
    "image_registry": "image_registry",
    "start_timeout_seconds": "start_timeout_seconds",
}


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Configuration files as a line of ours.

    Attributes:
        line: The ``%deploy`` line.
        notes: What the line leaves out, and why.
        cell: The cell that comes first: ``%%environment`` with what the line names; empty where
            nothing is needed.
        settings: The lines of ``mlmagic.toml`` that say it for every service of a workspace, as
            far as there are settings for it; empty where there are none.
    """

    line: str
    notes: tuple[str, ...]
    cell: str = ""
    settings: str = ""


def convert(configurations: list[Configuration], *, service: str) -> Conversion:
    """Write the ``%deploy`` line and the settings that stand for configurations.

    Args:
        configurations: An inference configuration, a deployment configuration, or both.
        service: The service's name on the line.
    """
    words, notes, cell = ["%deploy", service], [], ""
    settings: dict[str, Any] = {}
    for configuration in configurations:
        notes += [problem.message for problem in configuration.warnings]
        for name, value in configuration.given.items():
            if name == "environment" and isinstance(value, dict):
                parts = take_apart(value, where=f"'{configuration.name}'")
                cell = _cell(parts, service)
                words += _words_of_environment(parts, service)
                notes += [f"{note}." for note in _notes_of_environment(parts)]
                settings |= _settings({"base_image": parts.image.get("base_image")})
                continue
            settings |= _settings({name: value})
            option = _option_of(_SAME.get(name, name), value)
            if option is not None and not option.secret:
                words += [word for text in _texts(value) for word in option.write(text)]
            elif value:
                why = "is not shown" if option else "has no option of %deploy"
                notes.append(f"'{name}' {why}; the file can still be given.")
    return Conversion(
        line=" ".join(words),
        notes=tuple(notes),
        cell=cell,
        # A text of JSON is one of TOML, too; and so are its numbers.
        settings="".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()),
    )


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of these values are settings, by their names."""
    return {_SETTINGS[name]: value for name, value in values.items() if name in _SETTINGS and value}


def _name(parts: EnvironmentParts, service: str) -> str:
    return str(parts.definition.get("name") or f"{service}-env")


def _cell(parts: EnvironmentParts, service: str) -> str:
    """Write the cell that keeps what an environment object defines, under its name."""
    import yaml

    if not parts.definition:
        return ""
    name = _name(parts, service)
    content = yaml.safe_dump({**parts.definition, "name": name}, sort_keys=False)
    return f"%%environment {name}\n{content}"


def _words_of_environment(parts: EnvironmentParts, service: str) -> list[str]:
    """Write an environment object's name, variables and image as options."""
    named = _name(parts, service) if parts.definition else parts.environment
    given = {"environment": named, "variables": parts.variables}
    given["base_image"] = parts.image.get("base_image")
    words = []
    for name, value in given.items():
        option = _option_of(name, value)
        if value and option is not None:
            words += [word for text in _texts(value) for word in option.write(text)]
    return words


def _notes_of_environment(parts: EnvironmentParts) -> Iterator[str]:
    yield from parts.notes
    if "base_dockerfile" in parts.image:
        yield (
            "'baseDockerfile' has no option of %deploy: build the image, and name it with "
            "--base-image; the file can still be given"
        )


def _option_of(name: str, value: Any) -> Option | None:
    for option in magic_verb("%deploy").options:
        says_it = option.kind != "flag" or option.value == value
        if option.name == name and option.flags and says_it:
            return option
    return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{key}={item}" for key, item in value.items())
    elif isinstance(value, tuple | list):
        yield from map(str, value)
    else:
        yield as_written(value)
