"""Reading a script that may hold IPython syntax or no Python at all."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.entities import Problem
from mlmagic.scripts.regions import parse_quietly

if TYPE_CHECKING:
    import ast
    from types import CodeType

_ASSIGNED = re.compile(r"^\s*[\w.,\s\[\]\"']+=\s*(?P<sign>[!%])")
_SIGNS = {
    "%%": ("the cell magic '{word}'", "Remove the line."),
    "%": ("the magic '{word}'", "Remove the line, or write it in Python."),
    "!": ("the shell command '{word}'", "Remove the line, or call subprocess.run()."),
    "?": ("the help request '{word}'", "Remove the line."),
}


@dataclass(frozen=True, kw_only=True)
class ParsedScript:
    """A script as far as it could be read.

    Attributes:
        tree: Its syntax tree; None where it has a syntax error.
        code: It compiled; tells, as the compiler decided, which names are global.
        problems: IPython syntax and syntax errors.
    """

    tree: ast.Module | None
    code: CodeType | None
    problems: tuple[Problem, ...] = ()


def read_source(source: str, name: str) -> ParsedScript:
    """Parse and compile a script without running it.

    Lines of IPython syntax are reported and passed over, so that the rest is checked too. Only
    lines at which Python's own parser stops are looked at: a text that holds ``!ls`` is a text.
    """
    lines = source.splitlines()
    problems: list[Problem] = []
    for _ in range(len(lines) + 1):
        try:
            tree, code = _compile("\n".join(lines) + "\n", name)
        except SyntaxError as error:
            number = error.lineno or _line_of_null(lines)
            line = lines[number - 1] if 0 < number <= len(lines) else ""
            sign = ipython_sign(line)
            if sign is None:
                message = f"This is not Python: {error.msg}. Correct the line."
                problems.append(Problem(code="syntax-error", message=message, line=number))
                break
            problems.append(_ipython_problem(sign, line, number))
            lines[number - 1] = _harmless(line)
        except (ValueError, RecursionError, MemoryError) as error:
            message = f"Python cannot read this script: {str(error) or type(error).__name__}."
            problems.append(Problem(code="syntax-error", message=message, line=1))
            break
        else:
            return ParsedScript(tree=tree, code=code, problems=tuple(problems))
    return ParsedScript(tree=None, code=None, problems=tuple(problems))


def ipython_sign(line: str) -> str | None:
    """Tell which IPython syntax a line that is not Python looks like, if any."""
    text = line.strip()
    if text.startswith("%%"):
        return "%%"
    if re.match(r"%[A-Za-z_]", text):
        return "%"
    if text.startswith("!"):
        return "!"
    if re.fullmatch(r"\?{1,2}[\w.*%]+|%{0,2}[\w.*\[\]()]+\?{1,2}", text):
        return "?"
    assigned = _ASSIGNED.match(line)
    return assigned["sign"] if assigned else None


def _line_of_null(lines: list[str]) -> int:
    """Return the line of the null byte, the one error that Python gives no line for."""
    return next((count for count, line in enumerate(lines, 1) if "\0" in line), 1)


def _compile(source: str, name: str) -> tuple[ast.Module, CodeType]:
    tree = parse_quietly(source, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tree, compile(tree, name, "exec", dont_inherit=True)


def _ipython_problem(sign: str, line: str, number: int) -> Problem:
    text = line.strip()
    word = text[text.index(sign) :] if sign != "?" else text
    what, way_out = _SIGNS[sign]
    shown = word.split()[0] if sign in {"%", "%%"} else word
    return Problem(
        code="ipython-syntax",
        message=f"Only IPython understands {what.format(word=shown)}. {way_out}",
        line=number,
    )


def _harmless(line: str) -> str:
    """Replace a line so that what it assigns stays defined and blocks stay complete."""
    indent = line[: len(line) - len(line.lstrip())]
    if _ASSIGNED.match(line):
        return f"{line.partition('=')[0]}= None"
    return f"{indent}pass"
