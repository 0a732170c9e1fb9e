"""The cells that this kernel has run, for panels that take one up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_TITLE_LENGTH = 60


@dataclass(frozen=True, kw_only=True)
class ExecutedCell:
    """A cell that has run.

    Attributes:
        number: Its number, as in ``In [3]``.
        first_line: Line of the cell on which ``source`` begins, from 1.
        source: Its text, without a line that captures it as an entry script.
    """

    number: int
    first_line: int
    source: str

    @property
    def title(self) -> str:
        """How a list names it."""
        first = next((line.strip() for line in self.source.splitlines() if line.strip()), "")
        if len(first) > _TITLE_LENGTH:
            first = f"{first[:_TITLE_LENGTH]}…"
        return f"In [{self.number}]  {first}"


def executed_cells() -> list[ExecutedCell]:
    """Return the cells that may be entry scripts, the newest first; those with ``run()`` before."""
    shell = _shell()
    if shell is None:
        return []
    history = list(shell.history_manager.input_hist_raw)
    cells = [_cell(number, text) for number, text in enumerate(history) if text.strip()]
    found = [cell for cell in cells if cell.source.strip() and not _is_magic(cell.source)]
    return sorted(found, key=lambda cell: ("def run(" not in cell.source, -cell.number))


def user_names(shell: Any = None) -> dict[str, Any]:
    """Return the variables that are the user's.

    Args:
        shell: The IPython shell; None is the running one.
    """
    shell = shell or _shell()
    if shell is None:
        return {}
    hidden = shell.user_ns_hidden
    return {
        name: value
        for name, value in list(shell.user_ns.items())
        if not name.startswith("_") and name not in hidden
    }


def _cell(number: int, text: str) -> ExecutedCell:
    from mlmagic.scripts import marker

    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if line.strip())
    is_captured = lines[first].split()[0] == "%%score_script" or marker(text) is not None
    begin = first + 1 if is_captured else 0
    source = "\n".join(lines[begin:]) + "\n"
    return ExecutedCell(number=number, first_line=begin + 1, source=source)


def _is_magic(source: str) -> bool:
    """Whether it is for IPython: a cell magic, or nothing but line magics and commands."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return lines[0].startswith("%%") or all(line.startswith(("%", "!", "#")) for line in lines)


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
