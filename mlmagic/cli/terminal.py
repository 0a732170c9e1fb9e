"""Where a command writes: results to stdout, progress and errors to stderr.

Colours and moving lines are for terminals alone.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmagic.errors import Remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BOLD, _RED, _GREEN, _BLUE, _OFF = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[34m", "\x1b[0m"
_STATES = {"Healthy": _GREEN, "Failed": _RED, "Unhealthy": _RED, "Unschedulable": _RED}
_KEY = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(:)', re.MULTILINE)

_MAGIC = re.compile(r"(?<!%)%(ml (?=[a-z])|(?=(?:register|deploy)\b))")


class Terminal:
    """Standard output and standard error of the process."""

    def __init__(self) -> None:
        self.quiet = self.verbose = False
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self._colours_out = sys.stdout.isatty() and not plain
        self._colours_err = sys.stderr.isatty() and not plain

    def write(self, text: str, *, is_json: bool = False) -> None:
        """Write a result."""
        if is_json and self._colours_out:
            text = _KEY.sub(rf"\1{_BLUE}\2{_OFF}\3", text)
        if text:
            print(text, flush=True)

    def write_line(self, line: str) -> None:
        """Write a line of something that goes on, at once."""
        print(line, flush=True)

    def write_table(self, text: str, *, verbatim: bool = False) -> None:
        """Write a result for people: states in colour, magics as commands unless verbatim."""
        text = text if verbatim else in_shell_words(text)
        if self._colours_out:
            for state, colour in _STATES.items():
                text = re.sub(rf"\b{state}\b", f"{colour}{state}{_OFF}", text)
        self.write(text)

    def note(self, message: str) -> None:
        """Write a line beside the result."""
        if self.quiet:
            return
        sys.stderr.write(f"{in_shell_words(message)}\n")

    def error(self, message: str) -> None:
        """Write what went wrong."""
        head = f"{_RED}{_BOLD}error:{_OFF}" if self._colours_err else "error:"
        print(f"{head} {in_shell_words(message)}", file=sys.stderr, flush=True)

    @contextmanager
    def progress(self, *, kept: bool = False) -> Iterator[Callable[[str], None]]:
        """Give a function that shows a line of progress: under CI remarks alone, else on stderr.

        On a terminal a line takes the place of the one before, and the last one goes; remarks
        stay. What a cell's '!mlmagic' writes to is a terminal by name, and shows lines.

        Args:
            kept: Every line stays, on a terminal and under CI too, in the words of its notebook:
                the log of a run.
        """
        words = str if kept else in_shell_words
        kept = kept or self.verbose
        if (os.environ.get("CI") or self.quiet) and not kept:
            yield lambda line: self.note(line) if isinstance(line, Remark) else None
            return
        if kept or not sys.stderr.isatty() or _in_a_cell():
            yield lambda line: print(words(line), file=sys.stderr, flush=True)
            return
        try:
            yield _replace_line
        finally:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _in_a_cell() -> bool:
    """Whether a kernel started this process, by what ipykernel says to all that it starts."""
    return (os.environ.get("TERM"), os.environ.get("GIT_PAGER")) == ("xterm-color", "cat")


def in_shell_words(text: str) -> str:
    """Turn the magics that messages name into commands.

    Example:
        >>> in_shell_words("Start with %deploy; see %ml service list and %%score_script.")
        'Start with mlmagic deploy; see mlmagic service list and %%score_script.'
    """
    return _MAGIC.sub("mlmagic ", text)


def _replace_line(line: str) -> None:
    text = in_shell_words(line)
    if isinstance(line, Remark):
        sys.stderr.write(f"\r\x1b[K{text}\n")
        return
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(f"\r\x1b[K{text[:width]}")
    sys.stderr.flush()
