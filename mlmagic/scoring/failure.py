"""Why a server did not start, and the user's part of a traceback."""

from __future__ import annotations

import linecache
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

START_FAILED = 3  # exit code, as of v1's server
_OURS = str(Path(__file__).parent)


class Frame(TypedDict):
    """One line of the user's traceback."""

    file: str
    line: int
    function: str
    code: str


class StartFailure(Exception):  # noqa: N818 - it names what happened
    """The server cannot serve this script.

    Args:
        reason: One word for machines; the names are those of ``entities.Reason``.
        message: The same for people.
        error: The exception of the user's code, if there is one.
    """

    def __init__(self, reason: str, message: str, error: BaseException | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.error = error


def describe(error: BaseException) -> str:
    """Return the last line of a traceback, such as ``ValueError: no such column``."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return "".join(traceback.format_exception_only(error)).strip()


class UserCode:
    """Tells the user's files from everything else.

    Args:
        script: The entry script.
        roots: App root and source directory.
    """

    def __init__(self, script: Path, roots: Sequence[Path]) -> None:
        self._script = str(script)
        self._roots = [str(root) + "/" for root in roots]
        self._base = Path(roots[0])

    def owns(self, file: str) -> bool:
        """Whether a file is the user's own: not ours, not the library's."""
        if file == self._script:
            return True
        if file.startswith((_OURS, sys.prefix, "<")) or "site-packages" in file:
            return False
        return any(file.startswith(root) for root in self._roots)

    def trim(self, trace: TracebackType | None) -> TracebackType | None:
        """Return the traceback from the user's first frame on; all of it where there is none."""
        current = trace
        while current is not None:
            if self.owns(current.tb_frame.f_code.co_filename):
                return current
            current = current.tb_next
        return trace

    def frames(self, error: BaseException) -> list[Frame]:
        """Return the user's first frame and what lies below it, without frames of ours."""
        found: list[Frame] = []
        for summary in traceback.extract_tb(error.__traceback__):
            hidden = summary.filename.startswith((_OURS, "<frozen"))
            if hidden or not (found or self.owns(summary.filename)):
                continue
            found.append(
                Frame(
                    file=self._shorten(summary.filename),
                    line=summary.lineno or 0,
                    function=summary.name,
                    code=summary.line or "",
                )
            )
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            code = linecache.getline(error.filename, error.lineno) or error.text or ""
            found.append(
                Frame(
                    file=self._shorten(error.filename),
                    line=error.lineno,
                    function="<module>",
                    code=code.strip(),
                )
            )
        return found

    def _shorten(self, file: str) -> str:
        path = Path(file)
        return path.relative_to(self._base).as_posix() if path.is_relative_to(self._base) else file
