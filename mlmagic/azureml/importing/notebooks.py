"""The Python and the shell lines of a notebook."""

from __future__ import annotations

import ast
import json
import re
import warnings
from dataclasses import dataclass
from typing import Any

from mlmagic.errors import ConfigurationError

_SHELLS = ("%%bash", "%%sh", "%%script", "%%!")
# The sign of a line for IPython, or an installation without one, which is no Python either.
_LINE_MAGIC = re.compile(r"\s*(?:(?:[\w.,\s\[\]]+=\s*)?[!%]|(?=(?:pip|conda)\s+install\b))")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A code cell, taken apart; line numbers are the cell's in both texts.

    Attributes:
        number: Its place among all cells, from 1.
        python: Its Python; lines of IPython are passed over.
        shell: Its lines for a shell; others are empty.
        file: What ``%%writefile`` writes its text to, which is then its Python.
    """

    number: int
    python: str
    shell: str
    file: str | None = None


def load(text: str, name: str) -> dict[str, Any]:
    """Read a notebook's JSON.

    Raises:
        ConfigurationError: It is no JSON (with line and column), or no notebook of format 4.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        told = f"{error.msg} (line {error.lineno}, column {error.colno})"
        raise ConfigurationError(f"The notebook '{name}' is not JSON: {told}.") from None
    except RecursionError:
        raise ConfigurationError(f"The notebook '{name}' is nested too deeply.") from None
    found = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(isinstance(cell, dict) for cell in found):
        raise ConfigurationError(
            f"The file '{name}' is not a notebook of format 4: it has no cells.",
            hint="Open it in JupyterLab and save it.",
        )
    return dict(document)


def kernel_of(document: dict[str, Any]) -> tuple[str, str]:
    """Return the name of a notebook's kernel and its language, in small letters."""
    metadata = _mapping(document.get("metadata"))
    spec, info = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    language = spec.get("language") or info.get("name") or "python"
    return str(spec.get("name") or ""), str(language).lower()


def _mapping(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def cells(document: dict[str, Any]) -> list[Cell]:
    """Take the code cells of a notebook apart."""
    return [
        taken_apart(number, source_of(cell))
        for number, cell in enumerate(document["cells"], 1)
        if cell.get("cell_type") == "code"
    ]


def source_of(cell: dict[str, Any]) -> str:
    """Return the text of a cell, which may be a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def taken_apart(number: int, source: str) -> Cell:
    """Take the text of a code cell apart."""
    first, _, rest = source.lstrip("\n").partition("\n")
    skipped = "\n" * (len(source) - len(source.lstrip("\n")) + 1)
    words = first.split()
    if words and words[0] in _SHELLS:
        return Cell(number=number, python="", shell=skipped + rest)
    if words and words[0] in ("%%writefile", "%%file") and len(words) > 1:
        return Cell(number=number, python=skipped + rest, shell="", file=words[-1].strip("\"'"))
    if words and words[0].startswith("%%"):
        python = words[0] in ("%%time", "%%capture", "%%timeit", "%%score_script")
        return Cell(number=number, python=skipped + rest if python else "", shell="")
    if _is_python(source):  # what looks like a line for IPython stands in a text
        return Cell(number=number, python=source, shell="")
    python_lines, shell_lines, going_on = [], [], False
    for line in source.split("\n"):
        magic = _LINE_MAGIC.match(line)
        if going_on or magic:
            indent = line[: len(line) - len(line.lstrip())]
            python_lines.append("" if going_on else f"{indent}pass")
            shell_lines.append(line[magic.end() :] if magic and not going_on else line)
            going_on = line.rstrip().endswith("\\")
        else:
            python_lines.append(line)
            shell_lines.append("")
    return Cell(number=number, python="\n".join(python_lines), shell="\n".join(shell_lines))


def _is_python(source: str) -> bool:
    with warnings.catch_warnings(action="ignore"):  # of the user's own code
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
