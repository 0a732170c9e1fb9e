"""A line for each request, written many at a time.

A log record for each costs as much as all else that a request needs. So lines are
collected for a moment and written at once - unless the script or a ``logging.json``
has set up logging otherwise: then each goes through ``logging`` as ever.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import Any

from mlmagic.scoring.logs import Formatter

access = logging.getLogger("azmlinfsrv")
_TEXT = "%s %s %d %.3fms %s"
_DELAY = 0.02
Entry = tuple[Any, ...]


class AccessLog:
    """Writes the access lines of one event loop."""

    def __init__(self) -> None:
        self._pending: list[tuple[float, Entry]] = []
        self._written = 0.0
        self._process = os.getpid()
        self._second = (0, "")

    def add(self, *entry: Any) -> None:
        """Write a line soon: method, path, status, milliseconds, length."""
        now = time.time()
        self._pending.append((now, entry))
        if len(self._pending) == 1:
            delay = 0 if abs(now - self._written) > _DELAY else _DELAY
            asyncio.get_running_loop().call_later(delay, self.flush)

    def flush(self) -> None:
        """Write what was added."""
        entries, self._pending = self._pending, []
        if not entries or not access.isEnabledFor(logging.INFO):
            return
        self._written = entries[-1][0]
        handler = _plain_handler()
        if handler is None:
            for _, entry in entries:
                access.info(_TEXT, *entry)
            return
        tail = f" I [{self._process}] {access.name} - {_TEXT}\n"
        text = "".join([self._stamp(at) + tail % entry for at, entry in entries])
        handler.acquire()
        try:
            handler.stream.write(text)
            handler.flush()
        except (OSError, ValueError):
            pass  # a full disk, or a reader that went away, does not end the service
        finally:
            handler.release()

    def _stamp(self, at: float) -> str:
        second = int(at)
        if self._second[0] != second:
            self._second = second, time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
        return f"{self._second[1]},{int((at - second) * 1000):03d}"


def _plain_handler() -> logging.StreamHandler[Any] | None:
    """Return the server's own handler if it is all that access lines would meet."""
    handlers = logging.getLogger().handlers
    if len(handlers) != 1 or access.handlers or access.filters or not access.propagate:
        return None
    (handler,) = handlers
    if (
        type(handler) is not logging.StreamHandler
        or handler.filters
        or handler.level > logging.INFO
    ):
        return None
    return handler if type(handler.formatter) is Formatter else None
