"""Lines of ``az ml``, found in scripts, cells and pipelines, and parsed by our own tables."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmagic.azureml.importing.known import Judgement
from mlmagic.errors import UsageError
from mlmagic.options import read_line, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlmagic.options import Option

AZ_ML = re.compile(r"\baz\s+ml\b")
_AZ_ML_AS_WRITTEN = re.compile(r"\baz((?:\s|[\\`^][^\S\n]*\n)+)ml\b")
# What a shell, a workflow or a pipeline puts in when the line runs.
_VARIABLE = re.compile(r"\$\{\{.*?\}\}|\$\([^()]*\)|\$\{[^}]*\}|\$\w+(?::\w+)?|%\w+%|\{\w+\}")
_STAND_IN = "VALUE"
_ENDS = frozenset("();<>|&")
_GOES_ON = ("\\", "`", "^")
_INSTALL = r"\b(?:pip3?|conda)\s+install\b"
_INSTALLING = re.compile(rf"(?s)(%)?(?:[^\s!%]+\s+-m\s+)?{_INSTALL}.*")
# What parts commands of one line; not within quotes.
_BETWEEN = re.compile(r"""(&&|;)(?=(?:[^"']|"[^"]*"|'[^']*')*$)""")
# Options of pip and Conda whose value is no package, and those whose value names some.
_VALUED = (
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-c", "--constraint"),
    *("--channel", "-n", "--name", "-p", "--prefix", "-t", "--target", "--trusted-host"),
    *("--timeout", "--retries", "--cache-dir", "--progress-bar", "--upgrade-strategy", "--root"),
    *("--python-version", "--platform", "--only-binary", "--no-binary", "--proxy", "--log"),
)
_NAMES_PACKAGES = ("-r", "--requirement", "-e", "--editable", "--file")
_SPACE = r"(?:\s|\\\n)+"
# These two stand beside mlmagic; most of the others bring azureml-core along.
_OTHERS = r"(?:inference-server-http|monitoring)(?![\w-])"
_NAME = rf"azureml-(?!{_OTHERS})[a-z][\w-]*"
# What follows 'install': the end of the command, what is no package, a package of the SDK.
_PART = re.compile(
    rf"""(?s)(?P<end>&&|[;|)])
    |{_SPACE}(?:{"|".join((*_VALUED, *_NAMES_PACKAGES))}){_SPACE}\S+
    |{_SPACE}\d?&?>>?[^\S\n]*\S+
    |{_SPACE}(?P<package>"{_NAME}(?:[\s\[=<>!~;@][^"]*)?" | '{_NAME}(?:[\s\[=<>!~;@][^']*)?'
        |{_NAME}(?:\[[^\]\s]*\])?(?:[=<>!~][^\s;&|)]*)?)(?=[\s;&|)"'`]|$)
    |"[^"]*"|'[^']*'|.""",
    re.VERBOSE,
)
_EXTENSION = re.compile(r"\baz\s+extension\s+\w+\b.*\b(azure-cli-ml|ml)\b")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of a shell that has to do with v1.

    Attributes:
        line: The first line of what it stands in, from 1.
        last: The last one, where lines go on.
        judgement: What becomes of it.
    """

    line: int
    last: int
    judgement: Judgement


def commands(text: str, first_line: int = 1) -> Iterator[Command]:
    """Find the commands of v1 in the text of a shell script.

    Args:
        text: The text; lines that end in a backslash, a back quote or ``^`` go on.
        first_line: Number of its first line.
    """
    for line, last, whole in joined(text.split("\n"), first_line):
        if not _is_comment(whole):
            for each in judge_line(whole):
                yield Command(line=line, last=last, judgement=each)


def judge_line(line: str) -> Iterator[Judgement]:
    """Judge what a line holds of v1's command line, and of installing v1."""
    for match in AZ_ML.finditer(line):
        rest = line[match.end() :]
        within = line.count("`", 0, match.start()) % 2
        yield _judge_command(rest.partition("`")[0] if within else rest)
    if _EXTENSION.search(line):
        yield Judgement(
            verdict="decide",
            what="az extension",
            text="The extension is not needed: install mlmagic in its place.",
        )
    if found := next(_packages(line), None):
        yield Judgement(
            verdict="decide",
            what=re.findall(_NAME, found["package"])[0],
            text="Take it out: where the cloud's SDK is installed, 'azureml' means the SDK.",
        )


def joined(lines: Iterable[str], first_line: int = 1) -> Iterator[tuple[int, int, str]]:
    """Join lines that go on; a comment does not, neither to a shell nor to pip.

    Args:
        lines: The lines, as they are written.
        first_line: Number of the first.

    Yields:
        The numbers of the first and the last of the lines, and what they are together.
    """
    begin, last, parts = first_line, first_line, list[str]()
    for last, line in enumerate(lines, first_line):
        begin = begin if parts else last
        text = line.rstrip()
        goes_on = text.endswith(_GOES_ON) and not (text[-1] == "`" and _is_substitution(text))
        if goes_on and (parts or not _is_comment(text)):
            parts.append(text[:-1])
            continue
        yield begin, last, " ".join([*parts, text])
        parts = []
    if parts:
        yield begin, last, " ".join(parts)


def _is_substitution(line: str) -> bool:
    """Tell whether a back quote at a line's end closes a command, or goes on as in PowerShell."""
    return line.count("`") % 2 == 0


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "REM "))


def with_ours(text: str, command: str) -> str:
    """Put our command in the place of ``az ml``; the text has as many lines as before."""
    return _AZ_ML_AS_WRITTEN.sub(lambda m: command + m[1] * ("\n" in m[1]), text)


def without_sdk(text: str) -> str | None:
    """Take the packages of the cloud's SDK out of what installs them, with others or none.

    Args:
        text: A line, or lines that go on, as they are written; with the sign of IPython.

    Returns:
        What is left; None where that would do nothing.
    """
    parts = _BETWEEN.split(text)  # commands, and what stands between them
    for place, part in enumerate(parts):
        found = list(_packages(part))
        if not found:
            continue
        kept = part
        for each in reversed(found):
            kept = kept[: each.start()] + kept[each.end() :]
        nothing = not _installs(kept)
        if nothing and len(parts) == 1:
            return None
        if nothing:  # the others go on
            kept = _INSTALLING.sub(lambda m: ("!" if m[1] else "") + "true", part)
            kept += " " if part[-1].isspace() else ""
        parts[place] = kept
    return "".join(parts)


def _packages(text: str) -> Iterator[re.Match[str]]:
    """Find the packages of the SDK that a line installs, with the space before each."""
    for command in re.finditer(_INSTALL, text):
        for part in _PART.finditer(text, command.end()):
            if part["end"]:
                break
            if part["package"]:
                yield part


def _installs(command: str) -> bool:
    """Tell whether a command of pip or Conda names something that it installs."""
    rest = re.split(_INSTALL, command.replace("\\\n", " "), maxsplit=1)[-1]
    try:
        words, _ = _words(rest)
    except ValueError:
        return False
    return any(
        word.startswith(_NAMES_PACKAGES) or not (word.startswith("-") or before in _VALUED)
        for before, word in zip(["", *words], words, strict=False)
    )


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

    def row(option: Option) -> Option:
        # Files are there when the line runs: lines before it write them, in folders of their own.
        return _relaxed(option) if relaxed or _reads_a_file(option) else option

    line = read_line([word for word in words if word != "--debug"], prog="mlmagic", row=row)
    if line.verb.method == "deploy":
        line.values.setdefault("name", "derived")  # the command takes it from the model
    require(line.values, line.verb.options)


def _reads_a_file(option: Option) -> bool:
    return option.kind in ("body", "path", "sample", "source") or "FILE" in option.placeholder


def _relaxed(option: Option) -> Option:
    """Take any text: a variable's value is not known yet."""
    if option.kind in ("flag", "assignment", "version"):
        return option
    repeat = option.repeat or option.is_mapping
    return replace(
        option, kind="text", choices=(), convert=None, minimum=None, maximum=None, repeat=repeat
    )
