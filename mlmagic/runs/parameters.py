"""Parameters of a run: from the command line, files and the environment, into the notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import UsageError, did_you_mean
from mlmagic.runs import storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PREFIX = "MLMAGIC_PARAMETER_"
_WORDS: Mapping[str, object] = {"True": True, "False": False, "None": None}


def parse_value(text: str) -> Any:
    """Turn a word of the command line into a value, by papermill's rules.

    Example:
        >>> [parse_value(text) for text in ("True", "None", "7", "0.5", "nightly")]
        [True, None, 7, 0.5, 'nightly']
    """
    if text in _WORDS:
        return _WORDS[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def gather_parameters(
    parameters: Mapping[str, Any], files: str | Path | Sequence[str | Path] | None
) -> dict[str, Any]:
    """Merge what the environment, parameter files in their order, and single parameters say.

    The later of these win. A variable ``MLMAGIC_PARAMETER_rows`` gives the parameter ``rows``.

    Raises:
        UsageError: A name cannot be a variable, or a file holds no table of parameters.
    """
    merged: dict[str, Any] = {
        name.removeprefix(_PREFIX): parse_value(text)
        for name, text in sorted(os.environ.items())
        if name.startswith(_PREFIX)
    }
    for file in [files] if isinstance(files, str | Path) else files or ():
        merged |= _read_file(storage.place_of(file))
    merged |= parameters
    for name in merged:
        if not str(name).isidentifier():
            raise UsageError(
                f"The parameter name '{name}' cannot be a variable.",
                hint="Use letters, digits and '_', the first not a digit.",
            )
    return merged


def unknown_parameters(given: Iterable[str], declared: Sequence[str]) -> list[str]:
    """Say in words which parameters the notebook's ``parameters`` cell does not have."""
    return [
        f"The notebook does not declare the parameter '{name}'. "
        + (did_you_mean(name, declared) if declared else "It has no cell tagged 'parameters'.")
        for name in given
        if name not in declared
    ]


def _read_file(place: storage.Place) -> dict[str, Any]:
    import yaml
    from papermill.iorw import NoDatesSafeLoader

    path = storage.shown(place)
    try:
        text = storage.read(place) if isinstance(place, str) else place.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=NoDatesSafeLoader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise UsageError(
            f"The parameter file '{path}' cannot be read: {error.strerror}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The parameter file '{path}' is neither YAML nor JSON: {_one_line(error)}."
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(
            f"The parameter file '{path}' holds a {type(content).__name__}, not a table.",
            hint="Write one 'name: value' per line.",
        )
    return content


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
