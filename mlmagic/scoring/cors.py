"""Which web pages of other origins may call the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Field = tuple[bytes, bytes]

_ALLOWED = b"access-control-allow-origin"


class Origins:
    """Origins that browsers let call the service.

    Args:
        text: Origins parted by commas; ``*`` is all of them.
    """

    def __init__(self, text: str) -> None:
        self._known = [each.strip().encode() for each in text.split(",") if each.strip()]
        self._all = b"*" in self._known
        self._small = {each.lower() for each in self._known}

    def fields(
        self, method: str, request: Mapping[bytes, bytes], reply: Iterable[Field]
    ) -> list[Field]:
        """Return the fields of an answer; none where the script has set its own."""
        if any(name.lower() == _ALLOWED for name, _ in reply):
            return []
        origin = request.get(b"origin")
        if origin is None:
            origins = [b"*"] if self._all else sorted(self._known)[:1]
        elif self._all or origin.lower() in self._small:
            origins = [origin]
        else:
            return []
        fields = [(_ALLOWED, each) for each in origins]
        if len(self._known) > 1 or (self._all and origin is not None):
            fields.append((b"vary", b"Origin"))
        asked = request.get(b"access-control-request-method", b"").upper()
        if method == "OPTIONS" and asked in (b"GET", b"POST"):
            fields.append((b"access-control-allow-methods", b"GET, POST"))
            if b"access-control-request-headers" in request:
                wanted = request[b"access-control-request-headers"]
                fields.append((b"access-control-allow-headers", wanted))
        return fields
