"""The user's traceback in the short form of IPython, with the cell's line numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlmagic.entities import CellOrigin


def render_traceback(
    frames: Iterable[Mapping[str, Any]],
    exception: str,
    *,
    script: str,
    origin: CellOrigin | None = None,
) -> str:
    """Write frames that the scoring server reported, outermost first.

    Args:
        frames: ``file`` (below the app root, else absolute), ``line``, ``function``, ``code``.
        exception: The last line, such as ``ValueError: …``.
        script: The entry script's path, as in the frames.
        origin: The cell that it came from; None keeps the file's name.

    Returns:
        Lines such as ``In [4], line 7, in init()``, each with its source line below.

    Example:
        >>> frame = {"file": "score.py", "line": 6, "function": "init", "code": "1 / 0"}
        >>> cell = CellOrigin(execution_count=4)
        >>> print(render_traceback([frame], "ZeroDivisionError: …", script="score.py", origin=cell))
        In [4], line 7, in init()
            1 / 0
        ZeroDivisionError: …
    """
    lines = [line for frame in frames for line in _frame(frame, script, origin)]
    return "\n".join([*lines, _located(exception, script, origin)]).rstrip()


def cell_line(line: int, origin: CellOrigin) -> int:
    """Return the cell's line number for a line of the script's file."""
    return line + origin.first_line - 1


def _frame(frame: Mapping[str, Any], script: str, origin: CellOrigin | None) -> Iterable[str]:
    file, line = str(frame.get("file", "?")), int(frame.get("line") or 0)
    function = str(frame.get("function") or "<module>")
    if origin is not None and _is_script(file, script):
        place = f"In [{origin.execution_count}], line {cell_line(line, origin)}"
    else:
        place = f"{file}:{line}"
    # A module's own code has no name worth showing; <listcomp> and its like are no calls.
    call = function if function.startswith("<") else f"{function}()"
    yield place if function == "<module>" else f"{place}, in {call}"
    code = str(frame.get("code") or "").strip()
    if code:
        yield f"    {code}"


def _is_script(file: str, script: str) -> bool:
    return file == script or file.endswith(f"/{script}") or script.endswith(f"/{file}")


def _located(exception: str, script: str, origin: CellOrigin | None) -> str:
    """Give cell coordinates to what a SyntaxError says of its place."""
    if origin is None:
        return exception
    name = re.escape(script.rpartition("/")[2])

    def coordinates(match: re.Match[str]) -> str:
        return f"(In [{origin.execution_count}], line {cell_line(int(match[1]), origin)})"

    return re.sub(rf"\({name}, line (\d+)\)", coordinates, exception)
