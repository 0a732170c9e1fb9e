"""The text of a configuration, checked key by key against the option table."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmagic.configurations.reading import Entry, read_entries
from mlmagic.configurations.v1_keys import Section, refused_keys, snake_case, unused_keys
from mlmagic.entities import Problem
from mlmagic.errors import ConfigurationError, did_you_mean
from mlmagic.options import configuration_options

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.options import Option

_KEYS = ("primary_key", "secondary_key")
_NOT_THE_TARGETS = ("target", "variables", "secrets", "collect_model_data", *_KEYS)
# Of an inference configuration; they are not options of a command.
_DESCRIPTION, _CONDA_FILE, _BASE_IMAGE = "description", "conda_file", "base_image"
_OF_INFERENCE = (_DESCRIPTION, _CONDA_FILE, _BASE_IMAGE)
# Paths of v1, the folder first that the others begin at.
_PATHS = ("source_directory", "script", _CONDA_FILE, "environment")
# What v1 writes where nobody asked for it.
_NOTHING: tuple[Any, ...] = (None, False, "", [], {})


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a configuration says.

    Attributes:
        kind: ``inference`` or ``deployment``.
        name: What messages call it.
        given: Keyword of ``Workspace.deploy`` to value, only what the text names.
        lines: Keyword to the line that names it.
        warnings: Keys that are accepted and not used.
        of_v1: Whether the target is named by v1's ``computeType`` alone.
    """

    kind: Section
    name: str
    given: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    of_v1: bool = False

    @property
    def compute_type(self) -> str | None:
        """The target of a deployment configuration, if it names one."""
        return self.given.get("target")

    @property
    def values(self) -> dict[str, Any]:
        """Without target, variables and secrets: the fields of the target's configuration."""
        return {key: value for key, value in self.given.items() if key not in _NOT_THE_TARGETS}

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables of the service."""
        collected = self.given.get("collect_model_data")
        switch = {} if collected is None else collection(enabled=collected)
        return {**switch, **self.given.get("variables", {})}

    @property
    def keys(self) -> tuple[str | None, str | None]:
        """The primary and the secondary key, where it names them."""
        return self.given.get(_KEYS[0]), self.given.get(_KEYS[1])

    @property
    def secrets(self) -> dict[str, str]:
        """Secrets by name, with the files that hold them."""
        return dict(self.given.get("secrets", {}))


def collection(*, enabled: bool) -> dict[str, str]:
    """Return the variable that lets ``ModelDataCollector`` write."""
    return {"AML_MODEL_DC_STORAGE_ENABLED": "true" if enabled else "false"}


def parse(kind: Section, text: str, *, name: str, first_line: int = 1) -> Configuration:
    """Read and check a configuration.

    Args:
        kind: ``inference`` or ``deployment``.
        text: JSON or YAML, with v1's keys or ours.
        name: What messages call it.
        first_line: Line of the cell on which the text begins; lines are told for the cell.

    Raises:
        ConfigurationError: Keys or values are wrong; the message names all, with their lines.
    """
    return _Parser(kind, name, first_line).parse(text)


class _Parser:
    def __init__(self, kind: Section, name: str, first_line: int) -> None:
        self.kind = kind
        self.name = name
        self.first_line = first_line
        self.options = _options(kind)
        self.words = _words(kind)
        self.unused = unused_keys(kind)
        self.refused = refused_keys(kind)
        self.objects = {
            key.partition(".")[0]
            for key in (*self.options, *self.unused, *self.refused)
            if "." in key
        }
        self.given: dict[str, Any] = {}
        self.lines: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self.taken: dict[str, Option | None] = {}
        self.wrong: list[str] = []
        self.warnings: list[Problem] = []

    def parse(self, text: str) -> Configuration:
        for entry in read_entries(
            text, name=self.name, objects=self.objects, first_line=self.first_line
        ):
            self._take(entry)
        self._read_paths()
        self._check_whole()
        if self.wrong:
            first, *more = self.wrong
            message = f"The configuration '{self.name}' is wrong: {first}"
            raise ConfigurationError("\n".join([message, *more]))
        return Configuration(
            kind=self.kind,
            name=self.name,
            given=self.given,
            lines=self.lines,
            warnings=tuple(self.warnings),
            of_v1=(target := self.taken.get("target")) is not None and target.yields,
        )

    def _take(self, entry: Entry) -> None:
        option = self.options.get(entry.key) or self.words.get(snake_case(entry.key))
        if option is not None:
            self._take_option(entry, option)
        elif entry.key in self.unused:
            self._pass_over(entry)
        elif entry.key in self.refused:
            self._refuse(entry)
        elif self.kind == "inference" and snake_case(entry.key) in _OF_INFERENCE:
            name = snake_case(entry.key)
            if name != _DESCRIPTION and not isinstance(entry.value, str | None):
                self.wrong.append(
                    f"'{entry.key}' (line {entry.line}): '{entry.value}' is not text."
                )
            elif entry.value not in _NOTHING:
                self._keep(entry, name, f"{entry.value}")
        elif entry.key in self.objects:
            if entry.value is not None:
                self.wrong.append(
                    f"'{entry.key}' (line {entry.line}): '{entry.value}' is not an object of keys."
                )
        else:
            self._refuse_unknown(entry)

    def _pass_over(self, entry: Entry) -> None:
        if entry.value not in _NOTHING:
            message = f"The key '{entry.key}' is accepted, but not used: {self.unused[entry.key]}."
            self.warnings.append(
                Problem(code="unused-key", message=message, line=entry.line, severity="warning")
            )

    def _refuse(self, entry: Entry) -> None:
        if entry.value not in _NOTHING:
            reason = self.refused[entry.key]
            self.wrong.append(f"'{entry.key}' (line {entry.line}) has no meaning here: {reason}.")

    def _refuse_unknown(self, entry: Entry) -> None:
        hint = did_you_mean(entry.key, self._spellings(entry.key))
        self.wrong.append(f"there is no key '{entry.key}' (line {entry.line}). {hint}")

    def _spellings(self, key: str) -> list[str]:
        """Return the known keys in the spelling that the user writes."""
        camel = {name.lower() for name in self.options if name != name.lower()}
        ours = key == key.lower() and key not in camel
        known = {*self.options, *([] if ours else self.unused)}
        return [name for name in known if (name == name.lower()) == ours] or sorted(known)

    def _take_option(self, entry: Entry, option: Option) -> None:
        if entry.value is None:
            return  # v1 writes null for what is left open
        try:
            self._keep(entry, option.name, _read(option, entry.value), option)
        except ValueError as error:
            self.wrong.append(f"'{entry.key}' (line {entry.line}): {f'{error}'.rstrip('.')}.")

    def _keep(self, entry: Entry, name: str, value: Any, option: Option | None = None) -> None:
        before = self.taken.get(name)
        if option and before and option.yields != before.yields:
            if option.yields:
                return
        elif name in self.given and self.given[name] != value:
            self.wrong.append(
                f"'{self.keys[name]}' (line {self.lines[name]}) and '{entry.key}' "
                f"(line {entry.line}) contradict each other. Remove one."
            )
        self.given[name] = value
        self.lines[name] = entry.line
        self.keys[name] = entry.key
        self.taken[name] = option

    def _read_paths(self) -> None:
        for name in _PATHS:
            if isinstance(path := self.given.get(name), str):
                self.given[name] = with_slashes(path, self.given.get(_PATHS[0], ""))

    def _check_whole(self) -> None:
        if self.kind != "inference":
            return
        if not self.given.get("script") and not self.wrong:
            self.wrong.append("the key 'entryScript' is missing. Name the entry script.")
        if "environment" in self.given and _CONDA_FILE in self.given:
            self.wrong.append(
                f"'environment' (line {self.lines['environment']}) and 'condaFile' "
                f"(line {self.lines[_CONDA_FILE]}) exclude each other. Remove one."
            )


def _options(kind: Section) -> dict[str, Option]:
    """Return the options by key, in v1's spelling, in ours, and in v1's words in snake_case."""
    rows = configuration_options(kind)
    return {snake_case(key): option for key, option in rows.items()} | rows


def _words(kind: Section) -> dict[str, Option]:
    """Return the options by the SDK's words for them, which are those of v1's command too.

    Its abbreviations, such as ``--cc``, are none of the SDK's.
    """
    return {
        flag.removeprefix("--").replace("-", "_"): option
        for option in configuration_options(kind).values()
        for flag in option.flags
        if flag.startswith("--") and len(flag) > len("--ccl") and option.kind != "flag"
    }


def _read(option: Option, value: Any) -> Any:
    if option.name == "environment" and isinstance(value, dict):
        return value  # v1's environment object; `Configurations.read_inference` takes it apart
    if option.name in _PATHS and not isinstance(value, str):
        raise ValueError(f"'{value}' is not text")
    if option.repeat:
        return _read_list(option, value)
    if not option.is_mapping:
        return option.read(value)
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not an object of names and values")  # noqa: TRY004 - as read()
    pairs = {f"{key}": as_written(item) for key, item in value.items()}
    nested = [key for key, item in value.items() if isinstance(item, dict | list)]
    if nested:
        raise ValueError(f"the value of '{nested[0]}' is not text")
    return pairs


def _read_list(option: Option, value: Any) -> tuple[Any, ...]:
    """Read what a line gives several times; one alone needs no list."""
    items = value if isinstance(value, list) else [value]
    if nested := [item for item in items if item is None or isinstance(item, dict | list)]:
        raise ValueError(f"'{nested[0]}' is not {option.placeholder}")
    return tuple(option.read(as_written(item)) for item in items)


def with_slashes(path: str, folder: str | Path = "") -> str:
    r"""Take ``\`` for a separator, as Windows does, where no file is called that.

    Example:
        >>> with_slashes(r".\work\score.py")
        './work/score.py'
    """
    # os.path: lines of a Dockerfile come here too, and may be too long for a path.
    if "\\" not in path or any(map(os.path.exists, (os.path.join(folder, path), path))):  # noqa: PTH118
        return path
    return path.replace("\\", "/")


def as_written(value: Any) -> str:
    """Write a value as its author did: YAML's ``true`` stays ``true``."""
    return f"{value}".lower() if isinstance(value, bool) else f"{value}"
