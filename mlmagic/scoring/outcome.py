"""What came of one request: a value as JSON, an answer of the script's own, or a stream."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.scoring.streaming import Stream

    Field = tuple[bytes, bytes]

JSON, TEXT = b"application/json", b"text/html; charset=utf-8"
BYTES = b"application/octet-stream"
_PLAIN = frozenset({dict, list, str, float, int})
FAILED, DURATION = b"x-ms-run-function-failed", b"x-ms-run-fn-exec-ms"
_SERVER_ERROR = 500
# The server's own: the length that it counts, the connection that it keeps, the ids.
_NOT_THE_SCRIPTS = {
    b"content-length",
    b"transfer-encoding",
    b"connection",
    b"x-request-id",
    b"x-ms-request-id",
    b"x-ms-client-request-id",
}


@dataclass(slots=True)
class Outcome:
    """What came of one request.

    Attributes:
        milliseconds: Duration of run(), where it completed.
        failed: Whether run() itself failed; None where a script's own answer does not say.
        headers: Fields of a script's own answer, its content type among them.
        stream: The body, where it comes piece by piece.
    """

    status: int
    body: bytes
    milliseconds: float | None = None
    failed: bool | None = False
    headers: tuple[Field, ...] = ((b"content-type", JSON),)
    stream: Stream | None = None

    def fields(self) -> list[Field]:
        """Return the header fields that tell of run()."""
        fields = list(self.headers)
        if self.failed is not None:
            fields.append((FAILED, b"True" if self.failed else b"False"))
        if self.milliseconds is not None:
            fields.append((DURATION, b"%.3f" % self.milliseconds))
        return fields


def message(text: str) -> bytes:
    """Encode an error for the client."""
    return json.dumps({"message": text}).encode()


def encode(value: Any) -> bytes:
    """Encode what run() returned; nothing is an empty object, as v1 has it."""
    return json.dumps({} if value is None else value).encode()


def is_response(value: object) -> bool:
    """Whether run() made an answer of its own: ours, or one of an installed web framework."""
    standin = sys.modules.get("mlmagic.scoring.standins.response")
    if standin is not None and isinstance(value, standin.AMLResponse):
        return True
    werkzeug = sys.modules.get("werkzeug.wrappers")
    return werkzeug is not None and isinstance(value, werkzeug.Response)


def from_response(response: Any, milliseconds: float) -> Outcome:
    """Take over an answer that the script made."""
    fields = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in response.headers.items()
    ]
    status = int(response.status_code)
    told = [field for field in fields if field[0] == FAILED]
    kept = [field for field in fields if field[0] not in _NOT_THE_SCRIPTS | {FAILED}]
    failed = True if status >= _SERVER_ERROR else None
    if failed is None:
        kept += told
    return Outcome(status, bytes(response.get_data()), milliseconds, failed, tuple(kept))


def from_value(value: Any, milliseconds: float, write: Callable[[Any], bytes]) -> Outcome:
    """Make an outcome of what run() returned; bytes go out as they are."""
    if type(value) in _PLAIN:
        return Outcome(200, write(value), milliseconds)
    if is_response(value):
        return from_response(value, milliseconds)
    if isinstance(value, bytes | bytearray | memoryview):
        return Outcome(200, bytes(value), milliseconds, headers=((b"content-type", BYTES),))
    return Outcome(200, write(value), milliseconds)
