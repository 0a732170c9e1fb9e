"""The ASGI application: routes, limits, keys, ids."""

from __future__ import annotations

import json
import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from mlmagic.scoring.execution import INTERNAL_ERROR, Outcome, message, score
from mlmagic.scoring.identity import LONGEST, RequestIds, too_long

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from mlmagic.scoring.dispatch import Dispatcher
    from mlmagic.scoring.failure import UserCode
    from mlmagic.scoring.keys import KeyFile
    from mlmagic.scoring.script import EntryScript
    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.status import Status

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

access = logging.getLogger("azmlinfsrv")
_JSON, _TEXT = b"application/json", b"text/html; charset=utf-8"
_VERSION_SWITCH = "SERVER_VERSION_LOG_RESPONSE_ENABLED"


class Reply(NamedTuple):
    """One answer."""

    status: int
    body: bytes = b""
    media_type: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Request(NamedTuple):
    """One request, its body not read yet."""

    scope: Message
    receive: Receive
    headers: dict[bytes, bytes]
    request_id: str


class BodyTooLargeError(Exception):
    """The body is larger than the limit."""


class ClientGoneError(Exception):
    """The client went away before it had sent its body."""


class Application:
    """Answers requests with one entry script.

    Args:
        settings: Limits.
        status: Where the stage is read.
        keys: What guards scoring; None lets everyone in.
        code: Tells the user's frames in tracebacks.
    """

    def __init__(
        self, settings: Settings, status: Status, keys: KeyFile | None, code: UserCode
    ) -> None:
        self._settings = settings
        self._status = status
        self._keys = keys
        self._code = code
        self._dispatcher: Dispatcher | None = None
        self._script: EntryScript | None = None
        self.draining = False
        self._routes: dict[str, dict[str, Callable[[Request], Awaitable[Reply]]]] = {
            "/": {"GET": self._health, "HEAD": self._health},
            "/live": {"GET": self._live, "HEAD": self._live},
            "/ready": {"GET": self._ready, "HEAD": self._ready},
            "/score": {"POST": self._score, "GET": self._score},
        }
        self._always: list[tuple[bytes, bytes]] = []
        if os.environ.get(_VERSION_SWITCH, "true").lower() == "true":
            self._always.append((b"x-ms-server-version", b"mlmagic"))

    @property
    def is_open(self) -> bool:
        """Whether scoring requests are answered."""
        return self._script is not None

    def open(self, script: EntryScript, dispatcher: Dispatcher) -> None:
        """Answer scoring requests from now on."""
        self._dispatcher = dispatcher
        self._script = script

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.perf_counter()
        headers = dict(scope["headers"])
        ids = RequestIds(headers)
        request = Request(scope, receive, headers, ids.request_id)
        try:
            reply = await self._answer(request)
        except ClientGoneError:
            return
        except Exception:  # noqa: BLE001 - the last resort of a request
            access.exception("[%s] Unexpected error", ids.request_id)
            reply = Reply(500, message(INTERNAL_ERROR))
        await self._send(reply, ids, send)
        if scope["path"] != "/" or scope["method"] not in ("GET", "HEAD"):
            _log_access(scope, reply, (time.perf_counter() - began) * 1000)

    async def _answer(self, request: Request) -> Reply:
        if long := too_long(request.headers):
            names = ", ".join(long)
            return Reply(431, message(f"Longer than {LONGEST} characters: {names}"))
        path, method = request.scope["path"], request.scope["method"]
        route = self._routes.get(path)
        if route is None:
            return Reply(404, message(f"There is no route '{path}'. Score with POST /score."))
        handler = route.get(method)
        if handler is not None:
            return await handler(request)
        allow = ((b"allow", ", ".join([*route, "OPTIONS"]).encode()),)
        if method == "OPTIONS":
            return Reply(200, b"", _TEXT, allow)
        return Reply(405, message("Method not allowed"), headers=allow)

    async def _send(self, reply: Reply, ids: RequestIds, send: Send) -> None:
        headers = [
            (b"content-type", reply.media_type),
            (b"content-length", b"%d" % len(reply.body)),
            *ids.headers,
            *self._always,
            *reply.headers,
        ]
        if self.draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    # Routes

    async def _health(self, _: Request) -> Reply:
        if self._script is None:
            return self._not_ready()
        return Reply(200, b"Healthy", _TEXT)

    async def _live(self, _: Request) -> Reply:
        return Reply(200, _json(live=True, stage=self._status.stage))

    async def _ready(self, _: Request) -> Reply:
        ready = self._script is not None and not self.draining
        return Reply(200 if ready else 503, _json(ready=ready, stage=self._status.stage))

    async def _score(self, request: Request) -> Reply:
        if self._keys is not None:
            refusal = _refuse(self._keys, request)
            if refusal is not None:
                return refusal
        if self._script is None or self._dispatcher is None:
            return self._not_ready()
        try:
            data = await self._data(request)
        except BodyTooLargeError:
            limit = self._settings.max_body
            return Reply(413, message(f"The body is larger than {limit} bytes."))
        call = partial(
            score, self._script, self._code, data, partial(_titled, request), request.request_id
        )
        return await self._scored(call, self._dispatcher, request.request_id)

    async def _scored(
        self, call: Callable[[], Outcome], dispatcher: Dispatcher, request_id: str
    ) -> Reply:
        limit = self._settings.scoring_timeout_ms
        try:
            outcome: Outcome = await dispatcher.call(call, limit / 1000)
        except TimeoutError:
            text = f"Scoring timeout after {limit} ms"
            access.error("[%s] %s", request_id, text)
            outcome = Outcome(500, message(text), failed=True)
        headers = [(b"x-ms-run-function-failed", b"True" if outcome.failed else b"False")]
        if outcome.milliseconds is not None:
            headers.append((b"x-ms-run-fn-exec-ms", b"%.3f" % outcome.milliseconds))
        return Reply(outcome.status, outcome.body, headers=tuple(headers))

    async def _data(self, request: Request) -> bytes | str:
        if request.scope["method"] == "GET":
            return _query_object(request.scope["query_string"])
        limit = self._settings.max_body
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

    def _not_ready(self) -> Reply:
        stage = self._status.stage
        text = f"The service is not ready; its stage is '{stage}'."
        return Reply(503, _json(message=text, stage=stage), headers=((b"retry-after", b"1"),))


def _json(**values: Any) -> bytes:
    return json.dumps(values).encode()


def _refuse(keys: KeyFile, request: Request) -> Reply | None:
    verdict = keys.judge(request.headers.get(b"authorization"))
    if verdict == "welcome":
        return None
    # 401 for a wrong key too: it makes v1's clients fetch the keys again and repeat the request.
    text = {
        "missing": "A key is needed, as the header 'Authorization: Bearer KEY'.",
        "wrong": "The key is wrong.",
    }[verdict]
    return Reply(401, message(text), headers=((b"www-authenticate", b"Bearer"),))


def _query_object(query: bytes) -> str:
    """Turn query parameters into a JSON object; repeated names become lists."""
    found: dict[str, list[Any]] = {}
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        found.setdefault(name, []).append(value)
    return json.dumps({name: all_[0] if len(all_) == 1 else all_ for name, all_ in found.items()})


def _titled(request: Request) -> dict[str, str]:
    """Return the headers with names as WSGI servers spell them, which v1 scripts look up."""
    return {
        "-".join(word.capitalize() for word in name.decode("latin-1").split("-")): value.decode(
            "latin-1"
        )
        for name, value in request.headers.items()
    }


def _log_access(scope: Message, reply: Reply, milliseconds: float) -> None:
    query = scope["query_string"].decode("latin-1")
    path = f"{scope['path']}?{query}" if query else scope["path"]
    access.info(
        "%s %s %d %.3fms %d", scope["method"], path, reply.status, milliseconds, len(reply.body)
    )
