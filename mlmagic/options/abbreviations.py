"""Options in full, where a line abbreviates them as ``az`` took them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mlmagic.options.option import Option

_TWO_LETTERS = len("-ic")


def expand_abbreviations(
    words: Sequence[str], options: Iterable[Option], refused: Collection[str]
) -> list[str]:
    """Write a line's options as the table does; their values stay as they are.

    ``az`` took the beginning of an option that no other has, and the documents of v1 write
    ``-ic`` for ``--ic``.

    Args:
        words: The words after the verb.
        options: What the verb takes.
        refused: Flags that are refused by their names; they are what is meant where no other is.

    Raises:
        UsageError: Several options begin so.

    Example:
        >>> from mlmagic.options.deployment import DEPLOY
        >>> expand_abbreviations(["-ic", "ic.json", "--auth-e=true"], DEPLOY, ())
        ['--ic', 'ic.json', '--auth-enabled=true']
    """
    rows = {flag: option for option in options for flag in option.flags}
    end = words.index("--") if "--" in words else len(words)
    expanded: list[str] = []
    values = 0  # how many of the next words are the last option's
    for word in words[:end]:
        if values:
            values -= 1
            expanded.append(word)
        else:
            expanded.append(_expand(word, rows, refused))
            option = rows.get(expanded[-1])
            values = _count_values(option) if option else 0
    return [*expanded, *words[end:]]


def _count_values(option: Option) -> int:
    return {"flag": 0, "assignment": len(("NAME", "VALUE"))}.get(option.kind, 1)


def _expand(word: str, rows: Mapping[str, Option], refused: Collection[str]) -> str:
    flag, equals, value = word.partition("=")
    if not flag.startswith("-") or flag == "--" or flag in rows or flag in refused:
        return word
    if len(flag) == _TWO_LETTERS and {f"-{flag}"} & {*rows, *refused}:
        return f"-{word}"
    if not flag.startswith("--"):
        return word
    found = {row.flags: known for known, row in rows.items() if known.startswith(flag)}
    if len(found) > 1:
        names = " or ".join(f"'{name}'" for name in sorted(found.values()))
        raise UsageError(f"'{flag}' is the beginning of several options.", hint=f"Write {names}.")
    meant = [*found.values(), *sorted(known for known in refused if known.startswith(flag))]
    return f"{meant[0]}{equals}{value}" if meant else word
