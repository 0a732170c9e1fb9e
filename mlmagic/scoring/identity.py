"""The three ids of a request, as v1's server keeps them apart."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 100
_SERVER, _DEPRECATED, _CLIENT, _TRACE = (
    b"x-request-id",
    b"x-ms-request-id",
    b"x-ms-client-request-id",
    b"traceid",
)


class RequestIds:
    """Ids of one request.

    Attributes:
        request_id: The server's id, the client's where it gave one.
        headers: What goes back with every answer.
    """

    __slots__ = ("headers", "request_id")

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        server = headers.get(_SERVER) or str(uuid.uuid4()).encode()
        deprecated = headers.get(_DEPRECATED)
        client = headers.get(_CLIENT) or deprecated
        self.request_id = server.decode("latin-1")
        self.headers = [(_SERVER, server), (_DEPRECATED, deprecated or client or server)]
        if client:
            self.headers.append((_CLIENT, client))
        if _TRACE in headers:
            self.headers.append((_TRACE, headers[_TRACE]))


def too_long(headers: Mapping[bytes, bytes]) -> list[str]:
    """Return the names of id headers that are longer than v1 allows."""
    names = (_SERVER, _DEPRECATED, _CLIENT)
    return [name.decode() for name in names if len(headers.get(name, b"")) > LONGEST]
