"""A line that says what configuration files of Azure ML v1 say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.configurations.parsing import as_written
from mlmagic.options import magic_verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.configurations.parsing import Configuration
    from mlmagic.options import Option

_SAME = {"conda_file": "environment"}


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Configuration files as a line of ours.

    Attributes:
        line: The ``%deploy`` line.
        notes: What the line leaves out, and why.
    """

    line: str
    notes: tuple[str, ...]


def convert(configurations: list[Configuration], *, service: str) -> Conversion:
    """Write the ``%deploy`` line that stands for configurations.

    Args:
        configurations: An inference configuration, a deployment configuration, or both.
        service: The service's name on the line.
    """
    words, notes = ["%deploy", service], []
    for configuration in configurations:
        notes += [problem.message for problem in configuration.warnings]
        for name, value in configuration.given.items():
            option = _option_of(_SAME.get(name, name), value)
            if option is not None and not option.secret:
                words += [word for text in _texts(value) for word in option.write(text)]
            elif value:
                why = "is not shown" if option else "has no option of %deploy"
                notes.append(f"'{name}' {why}; the file can still be given.")
    return Conversion(line=" ".join(words), notes=tuple(notes))


def _option_of(name: str, value: Any) -> Option | None:
    if name == "environment" and isinstance(value, dict):
        return None  # an environment object; the file holds it
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
