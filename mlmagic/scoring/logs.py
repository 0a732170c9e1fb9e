"""Log lines in v1's form, and print() of the script as log lines with the request's id."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sys
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
LINE_FORMAT = "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s"
_PIECE = 8192  # a longer line becomes several records


class Formatter(logging.Formatter):
    """Writes UTC, and the request's id before the message."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Write one line."""
        request_id = REQUEST_ID.get()
        if request_id is not None:
            record.message = f"[{request_id}] {record.message}"
        return super().formatMessage(record)


class _Unfinished(threading.local):
    text = ""
    busy = False


class PrintCapture(io.TextIOBase):
    """Stands in for ``sys.stdout``: whole lines go to a logger."""

    def __init__(self, original: io.TextIOBase) -> None:
        self._original = original
        self._logger = logging.getLogger("azmlinfsrv.print")
        self._mine = _Unfinished()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the real stream."""
        return self._original.encoding

    @property
    def buffer(self) -> object:
        """The real stream's bytes, for those who write them."""
        return getattr(self._original, "buffer", None)

    def fileno(self) -> int:
        """Descriptor of the real stream."""
        return self._original.fileno()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Log the lines that are complete."""
        if self._mine.busy:  # a log handler that writes to stdout
            return self._original.write(text)
        *lines, rest = (self._mine.text + text).split("\n")
        if len(rest) > _PIECE:
            cut = len(rest) - len(rest) % _PIECE
            lines.append(rest[:cut])
            rest = rest[cut:]
        self._mine.text = rest
        self._log(lines)
        return len(text)

    def finish_line(self) -> None:
        """Log what this thread wrote without a line end."""
        if self._mine.text:
            lines, self._mine.text = [self._mine.text], ""
            self._log(lines)

    def _log(self, lines: Iterable[str]) -> None:
        self._mine.busy = True
        try:
            for line in lines:
                for start in range(0, len(line) or 1, _PIECE):
                    self._logger.info("%s", line[start : start + _PIECE])
        finally:
            self._mine.busy = False


def flush_prints() -> None:
    """Log what this thread printed without a line end."""
    if isinstance(sys.stdout, PrintCapture):
        sys.stdout.finish_line()


def configure(level: str, folders: Iterable[Path]) -> None:
    """Set up logging: ``logging.json`` of the first folder that has one, else v1's lines.

    Raises:
        ValueError: A ``logging.json`` is wrong.
    """
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(Formatter(LINE_FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for folder in folders:
        custom = folder / "logging.json"
        if custom.is_file():
            logging.config.dictConfig(json.loads(custom.read_text(encoding="utf-8")))
            break
    if not isinstance(sys.stdout, PrintCapture):
        sys.stdout = PrintCapture(sys.stdout)  # type: ignore[arg-type]
