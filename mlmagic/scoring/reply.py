"""One request on its way in, one answer on its way out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from mlmagic.scoring.outcome import FAILED, JSON, message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from mlmagic.scoring.streaming import Stream

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Field = tuple[bytes, bytes]


class Request(NamedTuple):
    """One request, its body not read yet."""

    scope: Message
    receive: Receive
    headers: dict[bytes, bytes]
    request_id: str


class Reply(NamedTuple):
    """One answer; ``stream`` brings its body piece by piece."""

    status: int
    body: bytes = b""
    fields: tuple[Field, ...] | list[Field] = ()
    stream: Stream | None = None


class BodyTooLargeError(Exception):
    """The body is larger than the limit."""


class ClientGoneError(Exception):
    """The client went away before it had sent its body."""


def plain(status: int, body: bytes, media_type: bytes) -> Reply:
    """Answer with bytes of a type."""
    return Reply(status, body, ((b"content-type", media_type),))


def told(status: int, *fields: Field, **values: Any) -> Reply:
    """Answer with a JSON object."""
    return Reply(status, json.dumps(values).encode(), ((b"content-type", JSON), *fields))


def refused(status: int, text: str, *fields: Field) -> Reply:
    """Answer with an error of the client's, or of ours; run() has no part in it."""
    head = ((b"content-type", JSON), (FAILED, b"False"))
    return Reply(status, message(text), (*head, *fields))


async def read_body(request: Request, limit: int) -> bytes:
    """Read the whole body.

    Raises:
        BodyTooLargeError: It has more than ``limit`` bytes.
        ClientGoneError: It ended before its end.
    """
    declared = request.headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLargeError
    parts: list[bytes] = []
    size = 0
    while True:
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        part = event.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLargeError
        parts.append(part)
        if not event.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
