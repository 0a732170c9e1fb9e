"""A script from a cell: recognised by its first line, written to its file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.errors import ScriptError
from mlmagic.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

_MARKER = re.compile(r"#\s*mlmagic:\s*score_script(?:\s+(?P<line>.*))?$")


def marker(source: str) -> str | None:
    """Return the argument line of a cell that begins with our comment, None for other cells.

    Example:
        >>> marker("# mlmagic: score_script score.py --model diabetes")
        'score.py --model diabetes'
    """
    first = next((line for line in source.splitlines() if line.strip()), "")
    match = _MARKER.match(first.strip())
    return (match["line"] or "").strip() if match else None


def write_script(path: Path, source: str) -> bool:
    """Write a script so that readers see the old text or the new, never a part.

    Args:
        path: The file; where it is a link, what it points to is written.
        source: The text; a last newline is added.

    Returns:
        Whether the file changed; an equal one is left alone.

    Raises:
        ScriptError: The path is a folder, or cannot be written.
    """
    text = source if source.endswith("\n") else f"{source}\n"
    target = path.resolve()
    try:
        data = text.encode()
        if target.is_file() and target.read_bytes() == data:
            return False
        write_atomically(target, data)
    except UnicodeEncodeError as error:
        raise ScriptError(
            f"The script holds a character that no file can (position {error.start}).",
            hint="Remove it.",
        ) from error
    except OSError as error:
        raise ScriptError(
            f"The script '{path}' cannot be written: {error.strerror or error}.",
            hint="Name another file.",
        ) from error
    return True
