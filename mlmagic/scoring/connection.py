"""One connection of a client: HTTP/1.0 and 1.1, keep-alive, pipelining, limits of time and size.

Stands where uvicorn's own protocol would: half the work per request, and it ends
connections of clients that are too slow.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections import deque
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import httptools

from mlmagic.scoring.exchange import Exchange
from mlmagic.scoring.listening import plain_end
from mlmagic.scoring.reply import refused

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

IDLE_SECONDS = 120.0  # longer than clients keep connections, so that they close first
_MOST_HEAD = 65536  # bytes of a request's line and headers
_MOST_WAITING = 65536  # bytes of a body that nobody has read yet
_MOST_PIPELINED = 32  # requests that wait for the one before
_PROGRESS = 65536  # bytes of a body for which a client gets its time anew
_INT_BYTES = struct.calcsize("i")
_DRAIN_SECONDS = 5.0  # what clients get for half a request when the server ends


class Connection(asyncio.Protocol):
    """One connection; uvicorn makes it and asks it to shut down.

    Args:
        client_seconds: How long a client may take to send a request, or to take an answer.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 - uvicorn gives it
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        client_seconds: float = 60.0,
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self.is_writing_paused = False
        self._application = config.loaded_app
        self._state = server_state
        self._client_seconds = client_seconds
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._ends: dict[str, Any] = {}
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._current: Exchange | None = None  # being answered
        self._incoming: Exchange | None = None  # being received
        self._refusal: tuple[int, str] | None = None  # comes after all other answers
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0  # of the request whose head is being received
        self._progress = 0
        self._since = self.loop.time()  # when the client, or we, began what is going on
        self._timer: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self._unsent = 0
        self._is_reading_paused = False
        self._is_draining = False  # no request is taken any more
        self._is_closed = False

    @property
    def date(self) -> bytes:
        """The date header; uvicorn keeps it."""
        fields = self._state.default_headers
        return b"date: %b\r\n" % fields[0][1] if fields else b""

    @property
    def has_more(self) -> bool:
        """Whether requests wait behind the one that is being answered."""
        return bool(self._waiting)

    # Of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._state.connections.add(cast("Any", self))
        self._ends = {
            "server": plain_end(transport.get_extra_info("sockname")),
            "client": plain_end(transport.get_extra_info("peername")),
        }
        self._timer = self.loop.call_later(self._client_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """End: nobody waits for answers any more."""
        self._state.connections.discard(cast("Any", self))
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for exchange in self._unanswered():
            exchange.lose()
        self._waiting.clear()
        self.resume_writing()
        del self._parser  # it refers to this connection

    def eof_received(self) -> bool:
        """Answer what has come: a client that ended its side may still listen."""
        waits = self._current is not None and not self._current.has_begun
        if not waits or self._incoming is not None:
            return False
        self.shutdown()
        return True

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self._is_closed or self._refusal is not None:
            return
        if not self._head_bytes and self._incoming is None:
            self._since = self.loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Nothing is upgraded: the request was answered as it is, HTTP goes on behind it.
            self._parser = httptools.HttpRequestParser(self)
            if rest := data[upgrade.args[0] :]:
                self.data_received(rest)
            return
        except httptools.HttpParserError:
            self._refuse(400, "The request is not valid HTTP.")
            return
        incoming = self._incoming
        if incoming is not None and not incoming.is_over:
            self._begin_next()
            if incoming is not self._current and incoming.waiting_bytes > _MOST_WAITING:
                self._pause_reading()

    def pause_writing(self) -> None:
        """Wait: the client does not read."""
        self.is_writing_paused = True
        self._since = self.loop.time()
        self._unsent = self._transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """Write on."""
        self.is_writing_paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # Of the parser

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url = b""
        self._headers = []
        self._head_bytes = 1

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name.lower(), value))
        self._count(len(name) + len(value))

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _MOST_HEAD:
            self._refuse(431, f"The request's headers are larger than {_MOST_HEAD} bytes.")
            raise ValueError  # ends the parser's work

    def on_headers_complete(self) -> None:
        """Know the request; its body may still come."""
        self._head_bytes = self._progress = 0
        version = self._parser.get_http_version()
        url = httptools.parse_url(self._url)
        path = (url.path or b"/").decode("ascii")
        headers = self._headers
        scope = {
            "type": "http",
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "query_string": url.query or b"",
            "root_path": "",
            "headers": headers,
            **self._ends,
        }
        closes = self._is_draining or not self._parser.should_keep_alive()
        expects = version == "1.1" and (b"expect", b"100-continue") in headers
        self._incoming = Exchange(self, scope, closes=closes, wants_continue=expects)
        self._waiting.append(self._incoming)
        if len(self._waiting) > _MOST_PIPELINED:
            self._pause_reading()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._progress += len(body)
        if self._progress > _PROGRESS:
            self._progress = 0
            self._since = self.loop.time()
        if self._incoming is not None and not self._incoming.is_over:
            self._incoming.feed(body)

    def on_message_complete(self) -> None:
        """Know that the request is complete."""
        if self._incoming is not None:
            self._incoming.end()
            self._incoming = None
            self._begin_next()

    # Of the exchanges

    def _unanswered(self) -> list[Exchange]:
        found = (self._current, *self._waiting)
        return [exchange for exchange in found if exchange is not None]

    def _begin_next(self) -> None:
        if self._current is None and self._waiting:
            exchange = self._current = self._waiting.popleft()
            exchange.task = self.loop.create_task(exchange.run(self._application))
            self._state.tasks.add(exchange.task)

    def write(self, data: bytes) -> None:
        """Write to the client."""
        self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the client reads."""
        self._drained = self.loop.create_future()
        if self.is_writing_paused and not self._is_closed:
            await self._drained

    def answered(self, exchange: Exchange) -> None:
        """Go on after a complete answer."""
        self._state.total_requests += 1
        self._current = None
        self._since = self.loop.time()
        if self._refusal is not None and not self._waiting:
            self._write_refusal()
        elif exchange.closes:
            self._close()
        else:
            if exchange.is_received:  # otherwise the rest of it comes first
                self._begin_next()
            if self._is_reading_paused and len(self._waiting) <= _MOST_PIPELINED:
                self.resume_reading()

    def finished(self, exchange: Exchange) -> None:
        """Know that the application is done with an exchange."""
        self._state.tasks.discard(cast("Any", exchange.task))
        if not exchange.is_over:  # half an answer must not look like a whole one
            self._transport.abort()

    def resume_reading(self) -> None:
        """Take bytes again."""
        if self._is_reading_paused and not self._is_closed:
            self._is_reading_paused = False
            self._since = self.loop.time()
            self._transport.resume_reading()

    def _pause_reading(self) -> None:
        if not self._is_reading_paused and not self._is_closed:
            self._is_reading_paused = True
            self._transport.pause_reading()

    # The end

    def shutdown(self) -> None:
        """Answer what has come, then close."""
        self._is_draining = True
        self._client_seconds = min(self._client_seconds, _DRAIN_SECONDS)
        self._look()
        unanswered = self._unanswered()
        if unanswered:
            unanswered[-1].closes = True
        elif self._incoming is None and not self._head_bytes and not self._has_unread():
            self._close()

    def _has_unread(self) -> bool:
        """Whether bytes have come that the loop, being late, has not read yet."""
        if self._is_closed or self._is_reading_paused:
            return False
        found = bytearray(_INT_BYTES)
        fcntl.ioctl(self._transport.get_extra_info("socket").fileno(), termios.FIONREAD, found)
        return any(found)

    def _close(self) -> None:
        self._is_closed = True
        self._transport.close()

    def _refuse(self, status: int, text: str) -> None:
        """Answer bytes that are no request; nothing behind them can be understood."""
        if self._refusal is not None:
            return
        self._refusal = (status, text)
        broken, self._incoming = self._incoming, None
        if broken is not None and broken is self._current:
            if broken.has_begun:
                self._transport.abort()
                return
            broken.lose()
            self._current = None
        elif broken is not None:
            self._waiting.remove(broken)
        if self._current is None and not self._waiting:
            self._write_refusal()

    def _write_refusal(self) -> None:
        assert self._refusal is not None  # noqa: S101 - told to the type checker
        reply = refused(*self._refusal)
        scope = {"method": "GET", "http_version": "1.1"}
        last = Exchange(self, scope, closes=True, wants_continue=False)
        fields = [*reply.fields, (b"content-length", b"%d" % len(reply.body))]
        self.write(last.head(reply.status, fields) + reply.body)
        self._close()

    def _look(self) -> None:
        """Close the connection of a client that keeps us waiting."""
        if self._timer is not None:
            self._timer.cancel()
        if self._is_closed and not self.is_writing_paused:
            return
        if self.is_writing_paused and self._transport.get_write_buffer_size() < self._unsent:
            self.pause_writing()  # it reads, if slowly: its time begins anew
        limit = self._limit()
        left = 1.0 if limit is None else limit - (self.loop.time() - self._since)
        if left > 0 or self._has_unread():
            self._timer = self.loop.call_later(max(left, 0.05), self._look)
        elif self.is_writing_paused:
            self._transport.abort()
        elif self._limit() == IDLE_SECONDS:
            self._close()
        else:
            self._refuse(408, "The request did not come in time.")

    def _limit(self) -> float | None:
        """Return how long what is going on may take; None for what we do ourselves."""
        if self.is_writing_paused:
            return self._client_seconds
        if self._is_reading_paused:
            return None
        if self._head_bytes or self._incoming is not None:
            return self._client_seconds
        return None if self._current is not None else IDLE_SECONDS
