"""From the words of a line to the keywords of a method."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from mlmagic.errors import UsageError, did_you_mean
from mlmagic.options.az import refused_option
from mlmagic.options.option import spell_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlmagic.options.option import Option


class Parser(argparse.ArgumentParser):
    """An argument parser that raises our error instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the line."""
        raise usage_error(message)


def usage_error(message: str) -> UsageError:
    """Turn what argparse says (``argument --port/--po: '0' is …``) into our words."""
    _, is_argument, told = message.partition("argument ")
    flags, _, rest = told.partition(": ")
    text = f"{spell_out(flags.split('/'))}: {rest}" if is_argument and rest else message
    return UsageError(text if text[-1:] in ".?" else f"{text}.")


def argument_for(option: Option, place: int) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the arguments of ``add_argument`` for one row of a table.

    Nothing has a default here: what the user did not write is left to the method.
    """
    keywords: dict[str, Any] = {
        "help": option.help.replace("%", "%%"),
        "default": argparse.SUPPRESS,
    }
    destination = f"{option.name}.{place}"
    if option.kind == "flag":
        keywords |= {"action": "store_const", "const": option.value}
    else:
        keywords |= {"type": _reader(option), "metavar": option.placeholder}
    if option.kind == "assignment":
        keywords |= {"nargs": 2, "metavar": ("NAME", "VALUE"), "action": "append"}
    elif option.positional:
        keywords["nargs"] = "*" if option.repeat else "?"
    elif option.repeat or option.is_mapping:
        keywords["action"] = "append"
    if option.positional:
        return (destination,), keywords
    return option.flags, keywords | {"dest": destination}


def build_parser(options: Iterable[Option], *, prog: str) -> Parser:
    """Make a parser of a table's rows."""
    options = tuple(options)
    parser = Parser(prog=prog, usage=usage(options), add_help=False, allow_abbrev=False)
    for heading, rows in grouped(options).items():
        group = parser.add_argument_group(heading)
        for place, option in rows:
            flags, keywords = argument_for(option, place)
            group.add_argument(*flags, **keywords)
    return parser


def usage(options: Iterable[Option]) -> str:
    """Return the first line of help: options have lines of their own."""
    words = [option.placeholder for option in options if option.positional]
    return " ".join(["%(prog)s", *(word.replace("%", "%%") for word in words), "[OPTION …]"])


def grouped(options: Iterable[Option]) -> dict[str, list[tuple[int, Option]]]:
    """Return the rows by their headings in help, with their places in the table.

    What a line cannot do without comes first.
    """
    rows = list(enumerate(options))
    needed = {option.name for _, option in rows if option.required}
    found: dict[str, list[tuple[int, Option]]] = {}
    for place, option in sorted(rows, key=lambda row: row[1].name not in needed):
        heading = "required" if option.name in needed else option.group
        found.setdefault(heading, []).append((place, option))
    return found


def parse(
    parser: argparse.ArgumentParser, options: Sequence[Option], words: Sequence[str]
) -> dict[str, Any]:
    """Parse a line's words into the keywords of the verb's method.

    Args:
        parser: A parser with an argument for every row (``argument_for``).
        options: The rows.
        words: The words of the line.

    Raises:
        UsageError: An option is unknown, wrong, or given in two ways.
    """
    parsed, rest = parser.parse_known_intermixed_args(words)
    if rest:
        raise _unexpected(rest[0], options)
    values: dict[str, Any] = {}
    spelt: dict[str, Option] = {}
    for place, option in enumerate(options):
        found = getattr(parsed, f"{option.name}.{place}", argparse.SUPPRESS)
        if found is not argparse.SUPPRESS:
            _merge(values, spelt, option, found)
    return values


def require(values: dict[str, Any], options: Iterable[Option]) -> None:
    """Refuse a line that lacks something.

    Raises:
        UsageError: Names what is missing.
    """
    for option in options:
        if option.required and option.name not in values:
            raise UsageError(f"{option.label} is missing: {option.help}.")


def _merge(values: dict[str, Any], spelt: dict[str, Option], option: Option, found: Any) -> None:
    name = option.name
    if option.is_mapping:
        values[name] = values.get(name, {}) | dict(found)
    elif option.repeat:
        values[name] = (*values.get(name, ()), *found)
    elif option.kind == "version":
        values[name] = f"{values.get(name, '')}:{found}"
    elif name in values and (option.yields or spelt[name].yields):
        if not values[name] or (found and not option.yields):
            values[name] = found
    elif name in values:
        first = spelt[name].label
        raise UsageError(f"{first} and {option.label} say the same thing; give one of them.")
    else:
        values[name] = found
    spelt[name] = option


def _reader(option: Option) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text is argparse.SUPPRESS:  # argparse reads it where a positional word is not there
            return text
        try:
            return option.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _unexpected(word: str, options: Sequence[Option]) -> UsageError:
    if word.startswith("-"):
        flag = word.partition("=")[0]
        if refusal := refused_option(flag):
            return refusal
        known = [flag for option in options for flag in option.flags if flag.startswith("--")]
        return UsageError(f"There is no option '{flag}'.", hint=did_you_mean(flag, known))
    return UsageError(f"The word '{word}' is one too many.", hint="Quote values with spaces.")
