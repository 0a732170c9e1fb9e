"""Classes that a ``logging.json`` names, if it began as a copy of v1's."""

from __future__ import annotations

import logging

from mlmagic.scoring.logs import LINE_FORMAT, Formatter


class AMLLogFormatter(Formatter):
    """Lines as v1's server writes them."""

    def __init__(
        self, fmt: str = LINE_FORMAT, datefmt: str | None = None, style: str = "%"
    ) -> None:
        super().__init__(fmt, datefmt, style)  # type: ignore[arg-type]


class RootAccessFilter(logging.Filter):
    """Drops the access lines of health probes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record stays."""
        return "GET / HTTP/1.1" not in record.getMessage()
