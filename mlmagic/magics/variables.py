"""Variables passed by name; nothing is evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import UsageError, did_you_mean
from mlmagic.options import read_sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlmagic.options import Option

_PREFIX = "var:"
_OF_THE_SHELL = {"In", "Out", "exit", "get_ipython", "open", "quit"}


def resolve(
    options: Sequence[Option], values: dict[str, Any], namespace: Mapping[str, Any]
) -> dict[str, Any]:
    """Put objects in the place of names, for the options that take variables.

    Raises:
        UsageError: A name stands for nothing, or for two things.
    """
    kinds = {option.name: option.kind for option in options}
    readers = {"source": _sources, "sample": _sample, "body": _body, "variable": _variable}
    return {
        name: readers[kinds[name]](value, namespace) if kinds.get(name) in readers else value
        for name, value in values.items()
    }


def _sources(words: Sequence[str], namespace: Mapping[str, Any]) -> Any:
    found = [_source(word, namespace) for word in words]
    if len(found) == 1:
        return found[0]
    for word, source in zip(words, found, strict=True):
        if not isinstance(source, Path):
            raise UsageError(
                f"The variable '{word}' cannot be registered together with others.",
                hint="Register one variable, or several paths.",
            )
    return found


def _source(word: str, namespace: Mapping[str, Any]) -> Any:
    """A variable wins; ``./NAME`` is a path; where both exist, the user says which."""
    if word.startswith(_PREFIX):
        return _variable(word.removeprefix(_PREFIX), namespace)
    path = Path(word).expanduser()
    if not word.isidentifier():
        return path
    if word in namespace and path.exists():
        raise UsageError(
            f"'{word}' is both a variable and a path.",
            hint=f"Write '{_PREFIX}{word}' for the variable or './{word}' for the path.",
        )
    return path if path.exists() else _variable(word, namespace)


def _variable(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        return namespace[name]
    known = user_names(namespace)
    raise UsageError(f"There is no variable and no path '{name}'.", hint=did_you_mean(name, known))


def _sample(word: str, namespace: Mapping[str, Any]) -> Any:
    if word in namespace:
        return namespace[word]
    try:
        return read_sample(word)
    except ValueError as error:
        hint = did_you_mean(word, user_names(namespace)) if word.isidentifier() else ""
        raise UsageError(f"No variable, and {error}.", hint=hint or None) from None


def _body(word: Any, namespace: Mapping[str, Any]) -> Any:
    return namespace.get(word, word) if isinstance(word, str) else word


def user_names(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of a namespace that look like a user's."""
    return [n for n in namespace if not n.startswith("_") and n not in _OF_THE_SHELL]
