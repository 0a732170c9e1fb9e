"""What stands on a magic's line: words, ``{expression}``, options of the table."""

from __future__ import annotations

import functools
import json
import shlex
from typing import TYPE_CHECKING, Any

from IPython.core.magic import needs_local_scope, no_var_expand
from IPython.core.magic_arguments import argument, kwds, magic_arguments
from IPython.utils.text import DollarFormatter

from mlmagic.errors import UsageError
from mlmagic.magics.boundary import user_errors
from mlmagic.options import argument_for, magic_verb, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlmagic.options import Verb


def verb_magic(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a magic of a method that takes the verb, its keywords and the cell.

    The options come from the table, in a loop; so do help and completion.
    """
    verb = magic_verb(name)

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def body(
            self: Any, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None
        ) -> Any:
            words = split(expand(line, {**self.shell.user_ns, **(local_ns or {})}))
            return method(self, verb, parse(magic.parser, verb.options, words), cell)

        magic: Any = user_errors(body)
        for place, option in reversed(list(enumerate(verb.options))):
            flags, keywords = argument_for(option, place)
            magic = argument(*flags, **keywords)(magic)  # type: ignore[no-untyped-call]
        magic = kwds(description=_description(verb))(magic)  # type: ignore[no-untyped-call]
        magic = magic_arguments()(magic)  # type: ignore[no-untyped-call]
        magic.parser.allow_abbrev = False
        return no_var_expand(needs_local_scope(magic))  # type: ignore[no-any-return]

    return decorate


def split(line: str) -> list[str]:
    """Split a line into words, as a shell does.

    Raises:
        UsageError: A quotation mark is not closed.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(
            f"The line cannot be split into words ({error}): '{line.strip()}'.",
            hint="Close every quotation mark.",
        ) from None


def expand(text: str, namespace: Mapping[str, Any]) -> str:
    """Replace ``{expression}`` and ``$name`` as IPython does; JSON objects stay as they are.

    Raises:
        UsageError: An expression fails.
    """
    formatter = DollarFormatter()
    parts = []
    for part, is_json in _json_apart(text):
        try:
            parts.append(part if is_json else formatter.vformat(part, (), namespace))
        except Exception as error:
            raise UsageError(
                f"'{part.strip()}' cannot be expanded: {type(error).__name__}: {error}.",
                hint="Write '{{' and '}}' for braces that stay.",
            ) from error
    return "".join(parts)


def _json_apart(text: str) -> Iterator[tuple[str, bool]]:
    """Cut a text into JSON objects and what lies between them."""
    decoder = json.JSONDecoder()
    begin = at = 0
    while (at := text.find("{", at)) >= 0:
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
            continue
        yield text[begin:at], False
        yield text[at:end], True
        begin = at = end
    yield text[begin:], False


def _description(verb: Verb) -> str:
    sign = "%%" if (verb.magic or "").startswith("%%") else "%"
    name = (verb.magic or "").lstrip("%")
    lines = [f"    {sign}{name} {example.split(name, 1)[-1].strip()}" for example in verb.examples]
    return "\n".join([verb.help, "", "Examples::", "", *lines, "", f"Returns: {verb.result}."])
