"""What can follow on a line, of a magic or in a shell; local reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import MlmagicError
from mlmagic.options import COMMON, VERBS, find_verb, magic_verb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlmagic.options import Option
    from mlmagic.workspace import Workspace


class Candidates:
    """Verbs, options, choices and names.

    Args:
        workspace: Opens the workspace; called where names of it are asked for.
        variables: Tells the variables of a notebook; a shell has none.
    """

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        variables: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._workspace, self._variables = workspace, variables

    def find(self, magic: str, words: list[str], current: str) -> list[tuple[str, str]]:
        """Return what can follow.

        Args:
            magic: ``mlmagic`` for a shell's line, ``%ml`` which is read alike, or another magic.
            words: The words before the one that is being written.
            current: What is written of that.

        Returns:
            Words, each with its kind: ``verb``, ``option`` or ``value``.
        """
        options, rest = _options(magic, words)
        if options is None:
            following = _next_words(magic, words)
            return [(word, "verb") for word in following if word.startswith(current)]
        before = next((o for o in options if rest and rest[-1] in o.flags), None)
        if before is not None and before.kind != "flag":
            return [(n, "value") for n in self._names(before) if n.startswith(current)]
        if current.startswith("-"):
            flags = (flag for option in options for flag in option.flags)
            return [(flag, "option") for flag in flags if flag.startswith(current)]
        place = _place(rest, options)
        named = self._names(place) if place else []
        found = [(name, "value") for name in named if name.startswith(current)]
        return found if current else found + [(o.label, "option") for o in options if o.flags]

    def _names(self, option: Option) -> list[str]:
        if option.choices:
            return list(option.choices)
        try:
            return sorted(self._sources().get(option.complete or "", list)())
        except (MlmagicError, OSError):
            return []

    def _sources(self) -> dict[str, Callable[[], Iterable[str]]]:
        return {
            "configuration": self._configurations,
            "environment": self._environments,
            "model": self._models,
            "model-name": self._model_names,
            "service": self._services,
            "target": self._targets,
            "variable": self._variables,
        }

    def _models(self) -> list[str]:
        found = self._workspace().list_models()
        named = (f"{model.name}@{alias}" for model in found for alias in model.aliases)
        return [*{model.name for model in found}, *(model.id for model in found), *named]

    def _model_names(self) -> list[str]:
        return [model.name for model in self._workspace().list_models(latest=True)]

    def _services(self) -> Iterable[str]:
        workspace = self._workspace()
        return workspace.services.names() if workspace.exists else []

    def _environments(self) -> Iterable[str]:
        found = self._workspace().list_environments()
        versions = (f"{entry.name}:{entry.version}" for entry in found if entry.version)
        return [*(entry.name for entry in found), *versions]

    def _configurations(self) -> Iterable[str]:
        return [kept.name for kept in self._workspace().list_configurations()]

    def _targets(self) -> Iterable[str]:
        return self._workspace().targets


def _options(magic: str, words: list[str]) -> tuple[list[Option] | None, list[str]]:
    """Return the options that may come now and the words they follow; None for a verb's words."""
    if magic in ("mlmagic", "%ml"):
        try:
            verb, rest = find_verb(words)
        except MlmagicError:
            return None, words
        if not rest and _next_words(magic, words):
            return None, words
        return [*verb.options, *COMMON], rest
    name = f"%{magic}" if magic == "%score_script" else magic
    if name not in {verb.magic for verb in VERBS}:
        return [], words
    return list(magic_verb(name).options), words


def _next_words(magic: str, words: list[str]) -> list[str]:
    """Return the words that can follow, of verbs."""
    verbs = [verb for verb in VERBS if verb.shell and (magic != "%ml" or verb.owner != "shell")]
    paths = [path for verb in verbs for path in (verb.path, *verb.aliases)]
    at = len(words)
    return sorted({p[at] for p in paths if len(p) > at and list(p[:at]) == words})


def _place(words: list[str], options: list[Option]) -> Option | None:
    """Return the positional option that the next word fills."""
    with_value = {f for option in options if option.kind != "flag" for f in option.flags}
    count = sum(
        not word.startswith("-") and (n == 0 or words[n - 1] not in with_value)
        for n, word in enumerate(words)
    )
    places = [option for option in options if option.positional]
    if not places:
        return None
    last = places[-1]
    return places[count] if count < len(places) else (last if last.repeat else None)
