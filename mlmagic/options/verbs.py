"""All verbs, and how words find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlmagic.errors import UsageError, did_you_mean
from mlmagic.options.az import refused_verb
from mlmagic.options.compute import COMPUTE_VERBS
from mlmagic.options.deployment import DEPLOY
from mlmagic.options.images import IMAGE_VERBS
from mlmagic.options.importing import IMPORT_VERBS
from mlmagic.options.model_sharing import MODEL_SHARING_VERBS
from mlmagic.options.models import MODEL_VERBS
from mlmagic.options.option import Option, in_group
from mlmagic.options.runs import RUN_VERBS
from mlmagic.options.services import SERVICE_VERBS
from mlmagic.options.surroundings import (
    CELL_VERBS,
    CONFIGURATION_VERBS,
    ENVIRONMENT_VERBS,
    SHELL_VERBS,
    WORKSPACE_VERBS,
)
from mlmagic.settings import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.options.verb import Verb

VERBS: tuple[Verb, ...] = (
    *MODEL_VERBS,
    *MODEL_SHARING_VERBS,
    *SERVICE_VERBS,
    *CELL_VERBS,
    *ENVIRONMENT_VERBS,
    *IMAGE_VERBS,
    *CONFIGURATION_VERBS,
    *COMPUTE_VERBS,
    *WORKSPACE_VERBS,
    *RUN_VERBS,
    *IMPORT_VERBS,
    *SHELL_VERBS,
)

COMMON = in_group(
    "output",
    Option(
        name="format",
        flags=("-o", "--output"),
        help="format of the output",
        kind="choice",
        choices=FORMATS,
    ),
    Option(name="query", flags=("--query",), help="JMESPath query on the JSON form"),
)


def find_verb(words: Sequence[str]) -> tuple[Verb, list[str]]:
    """Find the verb that a line begins with; the longest one wins.

    Args:
        words: The words of the line.

    Returns:
        The verb and the words after it.

    Raises:
        UsageError: The words begin no verb.
    """
    if refusal := refused_verb(words):  # first: 'run submit-script' is no notebook of ours
        raise refusal
    table = {path: verb for verb in VERBS if verb.shell for path in (verb.path, *verb.aliases)}
    for length in (2, 1):
        head = tuple(words[:length])
        if head in table and not _misspelt(head, words):
            return table[head], list(words[length:])
    raise _unknown(words, [" ".join(path) for path in table])


def group_verbs(group: str | None = None) -> list[Verb]:
    """Return the verbs of a group such as ``service``; all that a shell has without one."""
    return [verb for verb in VERBS if verb.shell and group in (None, verb.path[0])]


def magic_verb(name: str) -> Verb:
    """Return the verb behind a magic such as ``%deploy``."""
    return next(verb for verb in VERBS if verb.magic == name)


def configuration_options(section: Literal["inference", "deployment"]) -> dict[str, Option]:
    """Return the options that a configuration file may hold, by key, in both spellings."""
    rows = [option for option in DEPLOY if option.section == section]
    return {key: option for option in rows for key in (option.key, option.v1_key) if key}


def _misspelt(head: tuple[str, ...], words: Sequence[str]) -> bool:
    """A group that is a verb too (``config``) takes no words: ``config lsit`` is a slip."""
    is_group = len(head) == 1 and any(len(verb.path) > 1 for verb in group_verbs(head[0]))
    return is_group and len(words) > 1 and not words[1].startswith("-")


def _unknown(words: Sequence[str], titles: list[str]) -> UsageError:
    verbs = sorted({title.split()[0] for title in titles})
    if not words:
        return UsageError("A verb is missing.", hint=f"Verbs: {', '.join(verbs)}.")
    group = [title for title in titles if title.split()[0] == words[0] and " " in title]
    if not group:
        return UsageError(f"'{words[0]}' is not a verb.", hint=did_you_mean(words[0], verbs))
    second = [*dict.fromkeys(title.split()[1] for title in group)]
    if len(words) == 1 or words[1].startswith("-"):
        return UsageError(f"'{words[0]}' needs a verb.", hint=f"Verbs: {', '.join(second)}.")
    hint = did_you_mean(words[1], second)
    return UsageError(f"'{words[0]} {words[1]}' is not a verb.", hint=hint)
