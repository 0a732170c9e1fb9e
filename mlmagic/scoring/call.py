"""One request as the script's side sees it, and how run() gets its arguments from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from mlmagic.scoring.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """The request cannot be given to run(); the client is told why.

    Args:
        status: 400 or 415.
        message: What is wrong with the request.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Call:
    """One request with its body.

    Args:
        scope: The request in ASGI's words.
        body: All of it.
        request_id: The server's id.
    """

    __slots__ = ("body", "request_id", "scope")

    def __init__(self, scope: Mapping[str, Any], body: bytes, request_id: str) -> None:
        self.scope = scope
        self.body = body
        self.request_id = request_id

    @property
    def is_get(self) -> bool:
        """Whether the data lies in the query, not in the body."""
        method: str = self.scope["method"]
        return method == "GET"

    @property
    def media_type(self) -> str:
        """Content type without parameters, in small letters."""
        for name, value in self.scope["headers"]:
            if name == b"content-type":
                text: str = value.decode("latin-1")
                return text.partition(";")[0].strip().lower()
        return ""

    @property
    def is_json(self) -> bool:
        """Whether the body is sent as JSON."""
        return not self.is_get and _is_json(self.media_type)

    def accepts(self, media_type: bytes) -> bool:
        """Whether the client names a media type in its Accept header."""
        fields: list[tuple[bytes, bytes]] = self.scope["headers"]
        return any(media_type in value for name, value in fields if name == b"accept")

    def query(self) -> dict[str, Any]:
        """Return the query: each value read as JSON where it is; repeated names become lists."""
        found: dict[str, list[Any]] = {}
        text = self.scope["query_string"].decode("latin-1")
        for name, value in parse_qsl(text, keep_blank_values=True):
            found.setdefault(name, []).append(_json_or_text(value))
        return {name: all_[0] if len(all_) == 1 else all_ for name, all_ in found.items()}

    def headers(self) -> dict[str, str]:
        """Return the headers as WSGI servers give them to v1 scripts.

        Names are spelled ``Content-Type``, repeated ones are joined.
        """
        joined: dict[str, str] = {}
        for name, value in titled(self.scope["headers"]):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return joined


class Reader(Protocol):
    """Makes the arguments of run() from a request."""

    @property
    def takes_any_method(self) -> bool:
        """Whether run() itself answers HEAD, OPTIONS, PUT and others."""

    @property
    def kind(self) -> str:
        """What run() gets, in words for people."""

    def read(self, call: Call) -> dict[str, Any]:
        """Return the arguments by name.

        Raises:
            Refusal: The request does not fit.
        """


class TextReader:
    """An undecorated run(): the whole body as text, or the query as the text of an object.

    Args:
        parameter: Name of the argument.
    """

    takes_any_method = False
    kind = "the request's body as text"

    def __init__(self, parameter: str) -> None:
        self._parameter = parameter

    def read(self, call: Call) -> dict[str, Any]:
        """Decode the body; its content type does not matter."""
        if call.is_get:
            return {self._parameter: json.dumps(call.query())}
        try:
            return {self._parameter: str(call.body, "utf-8")}
        except UnicodeDecodeError as error:
            raise Refusal(400, f"Input cannot be decoded as UTF-8: {error}") from None


def read_object(call: Call) -> dict[str, Any]:
    """Return the query or the JSON object of the body, as v1 does for decorated scripts.

    Raises:
        Refusal: It is not sent as JSON, or is no object.
    """
    if call.is_get:
        return call.query()
    if not call.is_json:
        raise Refusal(415, "Expects Content-Type to be application/json")
    if not call.body:
        raise Refusal(400, "POST body is empty. Expecting a JSON dictionary.")
    try:
        value = decode(call.body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"POST body could not be decoded as JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refusal(400, "POST body should be a JSON dictionary.")
    return value


def titled(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text, their names written ``Content-Type``."""
    return [
        (
            "-".join(word.capitalize() for word in name.decode("latin-1").split("-")),
            value.decode("latin-1"),
        )
        for name, value in headers
    ]


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
