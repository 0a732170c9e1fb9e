"""Lines of ``az ml``, found in scripts, cells and pipelines, and parsed by our own tables."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmagic.azureml.importing.known import Judgement
from mlmagic.errors import UsageError
from mlmagic.options import COMMON, build_parser, find_verb, parse, require, take_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmagic.options import Option

AZ_ML = re.compile(r"\baz\s+ml\b")
# What a shell, a workflow or a pipeline puts in when the line runs.
_VARIABLE = re.compile(r"\$\{\{.*?\}\}|\$\([^()]*\)|\$\{[^}]*\}|\$\w+(?::\w+)?|%\w+%|\{\w+\}")
_STAND_IN = "VALUE"
_ENDS = frozenset("();<>|&")
_GOES_ON = ("\\", "`", "^")
INSTALLS_SDK = re.compile(r"\b(?:pip3?|conda)\s+install\b.*\bazureml-(core|sdk)\b")
_EXTENSION = re.compile(r"\baz\s+extension\s+\w+\b.*\b(azure-cli-ml|ml)\b")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of a shell that has to do with v1.

    Attributes:
        line: Its first line, from 1.
        judgement: What becomes of it.
    """

    line: int
    judgement: Judgement


def commands(text: str, first_line: int = 1) -> Iterator[Command]:
    """Find the commands of v1 in the text of a shell script.

    Args:
        text: The text; lines that end in a backslash, a back quote or ``^`` go on.
        first_line: Number of its first line.
    """
    for line, whole in _joined(text.splitlines(), first_line):
        if not whole.lstrip().startswith(("#", "REM ")):
            yield from (Command(line=line, judgement=each) for each in judge_line(whole))


def judge_line(line: str) -> Iterator[Judgement]:
    """Judge what a line holds of v1's command line, and of installing v1."""
    for match in AZ_ML.finditer(line):
        yield _judge_command(line[match.end() :])
    if _EXTENSION.search(line):
        yield Judgement(
            verdict="decide",
            what="az extension",
            text="The extension is not needed: install mlmagic in its place.",
        )
    if found := INSTALLS_SDK.search(line):
        yield Judgement(
            verdict="decide",
            what=f"azureml-{found[1]}",
            text="Take it out: where the cloud's SDK is installed, 'azureml' means the SDK.",
        )


def _joined(lines: Iterable[str], first_line: int) -> Iterator[tuple[int, str]]:
    begin, parts = first_line, list[str]()
    for number, line in enumerate(lines, first_line):
        begin = begin if parts else number
        text = line.rstrip()
        if text.endswith(_GOES_ON):
            parts.append(text[:-1])
            continue
        yield begin, " ".join([*parts, text])
        parts = []
    if parts:
        yield begin, " ".join(parts)


def _judge_command(rest: str) -> Judgement:
    try:
        words, has_variables = _words(rest)
    except ValueError as error:
        text = f"The line cannot be read: {error}."
        return Judgement(verdict="decide", what="az ml", text=text)
    title = " ".join(["az ml", *words[:2]]) if words else "az ml"
    try:
        _check(words, relaxed=has_variables)
    except UsageError as error:
        return Judgement(verdict="decide", what=title, text=str(error))
    text = f"'{title.replace('az ml', 'mlmagic', 1)}' takes the same options."
    return Judgement(verdict="mapped", what=title, text=text)


def _words(rest: str) -> tuple[list[str], bool]:
    """Split what follows ``az ml``, as far as the command goes."""
    plain = _VARIABLE.sub(_STAND_IN, rest)
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in lexer:
        if set(word) <= _ENDS:
            break
        words.append(word)
    if words and words[-1].isdigit() and plain.rstrip().endswith(("2>&1", "/dev/null")):
        words.pop()  # the number of a stream: 2>file
    return words, plain != rest


def _check(words: list[str], *, relaxed: bool) -> None:
    """Parse a command's words as the command ``mlmagic`` does, without running it.

    Raises:
        UsageError: It would be refused.
    """
    if not words or {"-h", "--help"} & {*words}:
        return
    verb, rest = find_verb(words)
    rest = take_everywhere(verb, [word for word in rest if word != "--debug"])[1]
    options: tuple[Option, ...] = (*verb.options, *COMMON)
    if relaxed:
        options = tuple(_relaxed(option) for option in options)
    values = parse(build_parser(options, prog=f"mlmagic {verb.title}"), options, rest)
    if verb.method == "deploy":
        values.setdefault("name", "derived")  # the command takes it from the model
    require(values, verb.options)


def _relaxed(option: Option) -> Option:
    """Take any text: a variable's value is not known yet."""
    if option.kind in ("flag", "assignment", "version"):
        return option
    repeat = option.repeat or option.is_mapping
    return replace(
        option, kind="text", choices=(), convert=None, minimum=None, maximum=None, repeat=repeat
    )
