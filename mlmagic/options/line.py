"""A line of the command ``mlmagic``, or of ``%ml``, as it was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.options.abbreviations import expand_abbreviations
from mlmagic.options.az import REFUSED_OPTIONS, rows_of_v1, take_everywhere
from mlmagic.options.parsing import build_parser, parse
from mlmagic.options.verbs import COMMON, find_verb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmagic.options.option import Option
    from mlmagic.options.verb import Verb


@dataclass(frozen=True)
class Line:
    """What a line asks for.

    Attributes:
        verb: Its verb.
        values: Keywords of the verb's method.
        everywhere: The options that every command of ``az ml`` takes, by name.
        format: The format of the output; None where the line does not say.
        query: The JMESPath query.
    """

    verb: Verb
    values: dict[str, Any]
    everywhere: dict[str, str]
    format: str | None
    query: str | None


def read_line(
    words: Sequence[str], *, prog: str, row: Callable[[Option], Option] = lambda same: same
) -> Line:
    """Read the words of a line.

    Args:
        words: Its words, the verb's first.
        prog: What stands before them: ``mlmagic`` or ``%ml``.
        row: Changes an option before its value is read.

    Raises:
        UsageError: The line is wrong.
    """
    verb, rest = find_verb(words)
    options = [*map(row, verb.options), *COMMON]
    rest = expand_abbreviations(rest, (*options, *rows_of_v1(verb)), REFUSED_OPTIONS)
    everywhere, rest = take_everywhere(verb, rest)
    values = parse(build_parser(options, prog=f"{prog} {verb.title}"), options, rest)
    kind, query = values.pop("format", None), values.pop("query", None)
    return Line(verb, values, everywhere, kind, query)
