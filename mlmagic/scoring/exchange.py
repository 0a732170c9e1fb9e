"""One request and its answer on a connection, in the words of ASGI."""

from __future__ import annotations

import http
import logging
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.execution import INTERNAL_ERROR
from mlmagic.scoring.reply import refused

if TYPE_CHECKING:
    import asyncio
    from collections.abc import MutableMapping

    from mlmagic.scoring.connection import Connection

logger = logging.getLogger("azmlinfsrv")
_WITHOUT_BODY = frozenset({204, 304})
_GONE = {"type": "http.disconnect"}


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


_STATUS_LINES = {status: _status_line(status) for status in range(200, 600)}


class Exchange:
    """One request and its answer.

    Attributes:
        is_received: Whether all of the request has come.
        is_over: Whether the answer is complete, or nobody waits for it.
        closes: Whether the connection ends after the answer.
        has_begun: Whether a part of the answer is written.
        task: Makes the answer.
    """

    __slots__ = (
        "_arrived",
        "_chunked",
        "_connection",
        "_head",
        "_is_read",
        "_parts",
        "_silent",
        "_wants_continue",
        "closes",
        "has_begun",
        "is_over",
        "is_received",
        "scope",
        "task",
    )

    def __init__(
        self, connection: Connection, scope: dict[str, Any], *, closes: bool, wants_continue: bool
    ) -> None:
        self.scope = scope
        self.closes = closes
        self.task: asyncio.Task[None] | None = None
        self.has_begun = False
        self.is_received = False
        self.is_over = False
        self._connection = connection
        self._wants_continue = wants_continue
        self._parts: list[bytes] = []
        self._is_read = False
        self._arrived: asyncio.Future[None] | None = None
        self._head: bytes | None = None
        self._chunked = False
        self._silent = scope["method"] == "HEAD"

    async def run(self, application: Any) -> None:
        """Let the application answer."""
        try:
            await application(self.scope, self.receive, self.send)
        except Exception:
            logger.exception("An answer could not be made")
            if not self.has_begun:
                await self._apologise()
        finally:
            self._connection.finished(self)

    async def _apologise(self) -> None:
        reply = refused(500, INTERNAL_ERROR)
        fields = [*reply.fields, (b"content-length", b"%d" % len(reply.body))]
        await self.send({"type": "http.response.start", "status": 500, "headers": fields})
        await self.send({"type": "http.response.body", "body": reply.body})

    # The request

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the body that have come and are not read."""
        return sum(map(len, self._parts))

    def feed(self, part: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(part)
        if self._arrived is not None:
            self._wake()

    def end(self) -> None:
        """Know that the request is complete."""
        self.is_received = True
        if self._arrived is not None:
            self._wake()

    def lose(self) -> None:
        """Know that the client is gone."""
        self.is_over = True
        if self._arrived is not None:
            self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def receive(self) -> MutableMapping[str, Any]:
        """Return the next part of the body; after the last, wait until the client goes."""
        while not self.is_over and not self._parts and (self._is_read or not self.is_received):
            if self._wants_continue:
                self._wants_continue = False
                self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._arrived = self._connection.loop.create_future()
            await self._arrived
            self._arrived = None
        if self.is_over:
            return _GONE
        parts, self._parts = self._parts, []
        self._is_read = self.is_received
        if not self._is_read:
            self._connection.resume_reading()
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return {"type": "http.request", "body": body, "more_body": not self._is_read}

    # The answer

    async def send(self, event: MutableMapping[str, Any]) -> None:
        """Write a part of the answer; waits while the client does not read."""
        if self._connection.is_writing_paused:
            await self._connection.writable()
        if self.is_over:
            return
        if event["type"] == "http.response.start":
            self._head = self.head(event["status"], event["headers"])
            return
        body, more = event.get("body", b""), event.get("more_body", False)
        if self._silent:
            body = b""
        elif self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                body += b"0\r\n\r\n"
        if self._head is not None:
            body, self._head = self._head + body, None
        self.has_begun = True
        self._connection.write(body)
        if not more:
            self.is_over = True
            self._connection.answered(self)

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> bytes:
        """Write the lines before the body; what the connection has to say is added."""
        lines = [_STATUS_LINES.get(status) or _status_line(status)]
        if date := self._connection.date:
            lines.append(date)
        has_length = False
        without_body = status in _WITHOUT_BODY
        for name, value in fields:
            if name == b"content-length":
                if without_body:
                    continue
                has_length = True
            elif name == b"connection":
                # Requests that came behind this one are answered before the end.
                self.closes |= value == b"close" and not self._connection.has_more
                continue
            lines.append(b"%b: %b\r\n" % (name, value))
        if without_body:
            self._silent = True
        elif not has_length and self._takes_chunks():
            lines.append(b"transfer-encoding: chunked\r\n")
        if self.closes:
            lines.append(b"connection: close\r\n")
        elif self.scope["http_version"] == "1.0":
            lines.append(b"connection: keep-alive\r\n")
        lines.append(b"\r\n")
        return _checked(lines)

    def _takes_chunks(self) -> bool:
        """Choose how the end of a body of unknown length is told."""
        new: bool = self.scope["http_version"] == "1.1"
        self._chunked = new and not self._silent
        self.closes |= not new  # there the end of the body is the end of the connection
        return new


def _checked(lines: list[bytes]) -> bytes:
    """Join lines; a value with a line end would forge other headers."""
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        raise ValueError("the value of a header has a line end")
    return head
