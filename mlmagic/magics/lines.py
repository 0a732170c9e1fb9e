"""What stands on a magic's line: words, ``{expression}``, options of the table."""

from __future__ import annotations

import functools
import re
import shlex
from typing import TYPE_CHECKING, Any

from IPython.core.magic import needs_local_scope, no_var_expand
from IPython.core.magic_arguments import argument, argument_group, kwds, magic_arguments
from IPython.utils.text import FullEvalFormatter

from mlmagic.errors import UsageError
from mlmagic.magics.boundary import user_errors
from mlmagic.magics.showing import Text
from mlmagic.options import argument_for, grouped, magic_verb, parse, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlmagic.options import Verb

_FIELD = re.compile(r"\{\{(?P<kept>[^{}\n]*)\}\}|\{(?P<field>[^{}\n]*)\}")
_COMMENT = re.compile(r"(?<!\S)#")


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
            words = words_of(line, {**self.shell.user_ns, **(local_ns or {})})
            if {"-h", "--help"} & {*words}:
                return Text(magic.parser.format_help().removeprefix("::").strip("\n"))
            if name == "%deploy" and words == ["--panel"]:
                return self.show_deploy_form()
            return method(self, verb, parse(magic.parser, verb.options, words), cell)

        magic: Any = user_errors(body)
        for heading, rows in reversed(grouped(verb.options).items()):
            for place, option in reversed(rows):
                flags, keywords = argument_for(option, place)
                magic = argument(*flags, **keywords)(magic)  # type: ignore[no-untyped-call]
            magic = argument_group(heading)(magic)  # type: ignore[no-untyped-call]
        shown = {"description": _description(verb), "usage": usage(verb.options)}
        magic = kwds(**shown)(magic)  # type: ignore[no-untyped-call]
        magic = magic_arguments()(magic)  # type: ignore[no-untyped-call]
        magic.parser.allow_abbrev = False
        return no_var_expand(needs_local_scope(magic))  # type: ignore[no-any-return]

    return decorate


def words_of(line: str, namespace: Mapping[str, Any]) -> list[str]:
    """Expand a line and split it into words, as a shell does; its comment is none of them.

    Raises:
        UsageError: An expression fails, or a quotation mark is not closed.

    Example:
        >>> words_of("service show '{name} svc' {ticket}  # why", {"name": "my", "ticket": "#1"})
        ['service', 'show', 'my svc', '#1']
    """
    line = expand(without_comment(line), namespace)
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(
            f"The line cannot be split into words ({error}): '{line.strip()}'.",
            hint="Close every quotation mark.",
        ) from None


def without_comment(line: str) -> str:
    """Return a line up to a ``#`` that begins a word outside quotation marks and braces."""
    return next((line[: found.start()] for found in signs(_COMMENT, line)), line)


def signs(pattern: re.Pattern[str], line: str) -> Iterator[re.Match[str]]:
    """Find a sign where it is syntax: outside quotation marks and ``{expression}``."""
    fields = [found.span() for found in _FIELD.finditer(line)]
    for found in pattern.finditer(line):
        start = found.start()
        if _is_closed(line[:start]) and not any(first < start < end for first, end in fields):
            yield found


def _is_closed(text: str) -> bool:
    """Whether every quotation mark of a text has its partner."""
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def expand(text: str, namespace: Mapping[str, Any]) -> str:
    """Replace ``{expression}``, as IPython does; JSON objects stay as they are.

    Raises:
        UsageError: An expression fails.

    Example:
        >>> expand('{name}-svc {"a": {"b": 1}} {{name}}', {"name": "iris"})
        'iris-svc {"a": {"b": 1}} {name}'
    """

    def replaced(found: re.Match[str]) -> str:
        if found["kept"] is not None:
            return f"{{{found['kept']}}}"
        if found["field"].lstrip()[:1] in ("", '"', "'"):  # an object of JSON or Python
            return found[0]
        try:
            return str(FullEvalFormatter().vformat(found[0], (), namespace))
        except Exception as error:
            raise UsageError(
                f"'{found[0]}' cannot be expanded: {type(error).__name__}: {error}.",
                hint=f"Write '{{{found[0]}}}' where the braces shall stay.",
            ) from error

    return _FIELD.sub(replaced, text)


def find_field(text: str) -> str | None:
    """Return the first ``{name}`` that `expand` would replace.

    Example:
        >>> find_field('{"workers": {n}}')
        '{n}'
    """
    fields = (found for found in _FIELD.finditer(text) if found["field"])
    return next((f[0] for f in fields if f["field"].replace(".", "_").isidentifier()), None)


def _description(verb: Verb) -> str:
    sign = "%%" if (verb.magic or "").startswith("%%") else "%"
    name = (verb.magic or "").lstrip("%")
    lines = [f"    {sign}{name} {example.split(name, 1)[-1].strip()}" for example in verb.examples]
    return "\n".join([verb.help, "", "Examples::", "", *lines, "", f"Returns: {verb.result}."])
