"""One request and its answer on a connection, as an ASGI application sees them."""

from __future__ import annotations

import asyncio
import http
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmagic.scoring.connection import Connection

    Field = tuple[bytes, bytes]

logger = logging.getLogger("azmlinfsrv")
_NO_BODY = (204, 304)
_INFORMATIONAL = 200  # the first status that ends an answer


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


_STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


class Exchange:
    """One request.

    Attributes:
        is_received: Whether all of the request has come.
        is_over: Whether the answer is complete, or nobody waits for it.
    """

    __slots__ = (
        "_arrived",
        "_chunked",
        "_closes",
        "_connection",
        "_head",
        "_parts",
        "_wants_continue",
        "is_over",
        "is_received",
        "scope",
    )

    def __init__(
        self, connection: Connection, scope: dict[str, Any], *, closes: bool, wants_continue: bool
    ) -> None:
        self.scope = scope
        self.is_received = False
        self.is_over = False
        self._connection = connection
        self._closes = closes
        self._wants_continue = wants_continue
        self._parts: list[bytes] = []
        self._arrived: asyncio.Future[None] | None = None
        self._head: bytes | None = None
        self._chunked = False

    async def run(self, application: Any) -> None:
        """Let the application answer."""
        try:
            await application(self.scope, self.receive, self.send)
        except Exception:
            logger.exception("An answer could not be made")
        if not self.is_over:
            self._connection.abort()  # half an answer must not look like a whole one

    # The request

    def feed(self, part: bytes) -> int:
        """Take a part of the body; returns how much waits to be read."""
        self._parts.append(part)
        self.wake()
        return sum(map(len, self._parts)) if len(self._parts) > 1 else len(part)

    def end(self) -> None:
        """Know that the request is complete."""
        self.is_received = True
        self.wake()

    def wake(self) -> None:
        """Let receive() look again."""
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def receive(self) -> dict[str, Any]:
        """Return the next part of the body; after the last, wait for the client to go."""
        while not self._parts and not self.is_over:
            if self.is_received and self._head is None and self._wants_no_more():
                break
            if self._wants_continue:
                self._wants_continue = False
                self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._arrived = self._connection.loop.create_future()
            await self._arrived
        if self.is_over:
            return {"type": "http.disconnect"}
        parts, self._parts = self._parts, []
        self._connection.resume_reading()
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        more = not self.is_received
        self._told_end = not more
        return {"type": "http.request", "body": body, "more_body": more}
