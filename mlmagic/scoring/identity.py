"""The three ids of a request, as v1's server keeps them apart."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 100
_VERSION, _VARIANT = 0x4000 << 64, 0x8000 << 48  # what makes a number a random UUID
_OTHERS = ((1 << 128) - 1) ^ (0xF000 << 64) ^ (0xC000 << 48)
_numbers = random.Random()  # noqa: S311 - an id is no secret, and the kernel's numbers cost more
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
        refusal: Why they cannot be used; None where they can.
    """

    __slots__ = ("headers", "refusal", "request_id")

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        server = headers.get(_SERVER) or _new_id()
        deprecated = headers.get(_DEPRECATED)
        client = headers.get(_CLIENT) or deprecated
        self.request_id = server.decode("latin-1")
        self.refusal: str | None = None
        self.headers = [(_SERVER, server), (_DEPRECATED, deprecated or client or server)]
        if client:
            self.headers.append((_CLIENT, client))
        if len(server) > _LONGEST:
            self._refuse("x-request-id", [])
        elif len(deprecated or b"") > _LONGEST or len(client or b"") > _LONGEST:
            self._refuse("x-ms-request-id and x-ms-client-request-id", self.headers[:1])
        if _TRACE in headers:
            self.headers.append((_TRACE, headers[_TRACE]))

    def _refuse(self, names: str, kept: list[tuple[bytes, bytes]]) -> None:
        self.refusal = f"{names} must not exceed {_LONGEST} characters"
        self.headers = kept


def _new_id() -> bytes:
    number = _numbers.getrandbits(128) & _OTHERS | _VERSION | _VARIANT
    text = b"%032x" % number
    return b"-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
