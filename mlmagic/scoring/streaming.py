"""Generators become answers that go out piece by piece."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.logs import REQUEST_ID, flush_prints

if TYPE_CHECKING:
    from mlmagic.scoring.call import Call

EVENTS = b"text/event-stream"
_LINES = b"application/x-ndjson"
_TEXT = b"text/plain; charset=utf-8"
_BYTES = b"application/octet-stream"


class Stream(ABC):
    """What a generator yields, piece by piece.

    Text and bytes go out as they are, other values as lines of JSON; all as server-sent
    events where the client accepts those.

    Attributes:
        media_type: Told by the first piece.
        first: That piece, encoded; None where there is none.
    """

    def __init__(self, source: Any, call: Call) -> None:
        self._source = source
        self._request_id = call.request_id
        self._as_events = call.accepts(EVENTS)
        self.media_type = EVENTS if self._as_events else _LINES
        self.first: bytes | None = None

    def write(self, item: Any) -> bytes:
        """Encode one piece."""
        if self._as_events:
            text = item if isinstance(item, str) else json.dumps(item)
            return "".join(f"data: {line}\n" for line in text.split("\n")).encode() + b"\n"
        if isinstance(item, str):
            return item.encode()
        if isinstance(item, bytes | bytearray | memoryview):
            return bytes(item)
        return json.dumps(item).encode() + b"\n"

    def _begin_with(self, item: Any) -> None:
        self.first = self.write(item)
        if not self._as_events and isinstance(item, str):
            self.media_type = _TEXT
        elif not self._as_events and isinstance(item, bytes | bytearray | memoryview):
            self.media_type = _BYTES

    @abstractmethod
    def advance(self) -> Any:
        """Return the next piece, or a coroutine that does; None after the last."""

    @abstractmethod
    def close(self) -> Any:
        """End the generator before its end."""


class PlainStream(Stream):
    """A generator, advanced on the scoring threads."""

    def begin(self) -> PlainStream:
        """Run to the first piece: an error before it is still a plain answer."""
        for item in self._source:
            self._begin_with(item)
            break
        return self

    def advance(self) -> bytes | None:
        """Return the next piece; None after the last."""
        token = REQUEST_ID.set(self._request_id)
        try:
            for item in self._source:
                return self.write(item)
            return None
        finally:
            flush_prints()
            REQUEST_ID.reset(token)

    def close(self) -> None:
        """End the generator before its end."""
        self._source.close()


class AsyncStream(Stream):
    """An asynchronous generator, advanced on its own event loop."""

    async def begin(self) -> AsyncStream:
        """Run to the first piece: an error before it is still a plain answer."""
        async for item in self._source:
            self._begin_with(item)
            break
        return self

    async def advance(self) -> bytes | None:
        """Return the next piece; None after the last."""
        REQUEST_ID.set(self._request_id)
        try:
            async for item in self._source:
                return self.write(item)
            return None
        finally:
            flush_prints()

    async def close(self) -> None:
        """End the generator before its end."""
        await self._source.aclose()
