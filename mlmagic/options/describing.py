"""Help: what the verbs are, and what one of them takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import UsageError
from mlmagic.options.parsing import build_parser
from mlmagic.options.verbs import COMMON, find_verb, group_verbs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlmagic.options.verb import Verb


def describe(words: Sequence[str], prog: str) -> str:
    """Return help on a verb, on a group such as ``service``, or on everything.

    Args:
        words: What help is asked on.
        prog: What stands before a verb: ``mlmagic`` or ``%ml``.
    """
    group = _group(prog, words[0]) if len(words) == 1 else []
    if not words or any(len(verb.path) > 1 for verb in group):
        head = f"{prog} {words[0]} VERB …" if words else f"{prog} VERB …"
        tail = f"'{prog} VERB --help' tells the options of a verb."
        return "\n".join([f"usage: {head}", "", *_table(group or _group(prog)), "", tail])
    try:
        verb, _ = find_verb(words)
    except UsageError:
        verb, _ = find_verb(words[:1])
    return describe_verb(verb, prog)


def describe_verb(verb: Verb, prog: str) -> str:
    """Return help on one verb."""
    parser = build_parser((*verb.options, *COMMON), prog=f"{prog} {verb.title}")
    parser.description = verb.help
    aliases = [f"{prog} {' '.join(alias)}" for alias in verb.aliases]
    parts = [parser.format_help().rstrip()]
    if aliases:
        parts.append(f"also written: {', '.join(aliases)}")
    if verb.examples:
        parts.append("\n".join(["examples:", *(f"  {prog} {line}" for line in verb.examples)]))
    return "\n\n".join(parts)


def _group(prog: str, name: str | None = None) -> list[Verb]:
    return [verb for verb in group_verbs(name) if prog != "%ml" or verb.owner != "shell"]


def _table(verbs: Iterable[Verb]) -> list[str]:
    rows = [(verb.title, verb.help) for verb in verbs]
    width = max(len(title) for title, _ in rows)
    return [f"  {title.ljust(width)}  {text}" for title, text in rows]
