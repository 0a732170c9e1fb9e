"""The ASGI application: routes, limits, keys, ids."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from mlmagic.scoring.accesslog import AccessLog
from mlmagic.scoring.call import Call
from mlmagic.scoring.cors import Origins
from mlmagic.scoring.counting import Counting
from mlmagic.scoring.dispatch import NeverBegunError
from mlmagic.scoring.documents import UnknownVersionError
from mlmagic.scoring.execution import INTERNAL_ERROR, score, score_async
from mlmagic.scoring.identity import RequestIds
from mlmagic.scoring.metrics import MEDIA_TYPE
from mlmagic.scoring.outcome import FAILED, JSON, TEXT, Outcome, message
from mlmagic.scoring.reply import (
    BodyTooLargeError,
    ClientGoneError,
    Reply,
    Request,
    plain,
    read_body,
    refused,
    told,
)
from mlmagic.scoring.sending import send_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mlmagic.scoring.batching import Batcher
    from mlmagic.scoring.coroutines import Coroutines
    from mlmagic.scoring.dispatch import Dispatcher
    from mlmagic.scoring.documents import Documents
    from mlmagic.scoring.entry import EntryScript
    from mlmagic.scoring.failure import UserCode
    from mlmagic.scoring.keys import KeyFile
    from mlmagic.scoring.reply import Message, Receive, Send
    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.startup import Service
    from mlmagic.scoring.status import Status

access = logging.getLogger("azmlinfsrv")
# What those who watch ask every few seconds leaves no lines in the log.
_PROBED = frozenset({"/", "/live", "/ready", "/metrics"})
_VERSION_SWITCH = "SERVER_VERSION_LOG_RESPONSE_ENABLED"


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
        self._dispatcher: Dispatcher | Coroutines | None = None
        self._script: EntryScript | None = None
        self._documents: Documents | None = None
        self._origins = Origins(settings.origins) if settings.origins else None
        self._counting = Counting(settings)
        self._batcher: Batcher | None = None
        self._access_log = AccessLog()
        self.draining = False
        self._routes: dict[str, dict[str, Callable[[Request], Awaitable[Reply]]]] = {
            "/": {"GET": self._health, "HEAD": self._health},
            "/live": {"GET": self._live, "HEAD": self._live},
            "/ready": {"GET": self._ready, "HEAD": self._ready},
            "/score": {"POST": self._score, "GET": self._score},
            "/metrics": {"GET": self._metrics, "HEAD": self._metrics},
            "/swagger.json": {"GET": self._describe, "HEAD": self._describe},
        }
        self._always: list[tuple[bytes, bytes]] = []
        if os.environ.get(_VERSION_SWITCH, "true").lower() == "true":
            self._always.append((b"x-ms-server-version", b"mlmagic"))

    @property
    def is_open(self) -> bool:
        """Whether scoring requests are answered."""
        return self._script is not None

    def open(self, service: Service, dispatcher: Dispatcher) -> None:
        """Answer scoring requests from now on."""
        self._dispatcher = service.script.coroutines or dispatcher
        self._documents = service.documents
        self._script = service.script
        self._counting.begin(self._dispatcher)
        if service.script.batch is not None:
            from mlmagic.scoring.batching import Batcher

            self._batcher = Batcher(service.script, self._code, dispatcher, service.script.batch)

    def tell_counts(self) -> None:
        """Leave the counts to the other workers."""
        self._counting.tell()

    def flush_log(self) -> None:
        """Write the access lines that were collected."""
        self._access_log.flush()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.perf_counter()
        headers = dict(scope["headers"])
        ids = RequestIds(headers)
        request = Request(scope, receive, headers, ids.request_id)
        try:
            if ids.refusal is None:
                reply = await self._answer(request)
            else:
                reply = refused(431, ids.refusal)
        except ClientGoneError:
            return
        except Exception:  # noqa: BLE001 - the last resort of a request
            access.exception("[%s] Unexpected error", ids.request_id)
            reply = refused(500, INTERNAL_ERROR)
        await self._send(request, reply, ids, send)
        seconds = time.perf_counter() - began
        path = scope["path"]
        self._counting.answered(path if path in self._routes else "", reply.status, seconds)
        if path not in _PROBED or scope["method"] not in ("GET", "HEAD"):
            self._log_access(scope, reply, seconds * 1000)

    async def _answer(self, request: Request) -> Reply:
        path, method = request.scope["path"], request.scope["method"]
        route = self._routes.get(path)
        if route is None:
            return refused(404, f"There is no route '{path}'. Score with POST /score.")
        handler = route.get(method)
        if handler is not None:
            return await handler(request)
        script = self._script
        if path == "/score" and script is not None and script.reader.takes_any_method:
            return await self._score(request)
        allow = (b"allow", ", ".join([*route, "OPTIONS"]).encode())
        if method == "OPTIONS":
            own = (FAILED, b"False") if path == "/score" else allow
            return Reply(200, b"", ((b"content-type", TEXT), own))
        return refused(405, "Method not allowed", allow)

    async def _send(self, request: Request, reply: Reply, ids: RequestIds, send: Send) -> None:
        headers = [*reply.fields, *ids.headers, *self._always]
        if reply.stream is None:
            headers.append((b"content-length", b"%d" % len(reply.body)))
        if self._origins is not None:
            method = request.scope["method"]
            headers += self._origins.fields(method, request.headers, reply.fields)
        if self.draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if reply.stream is None:
            await send({"type": "http.response.body", "body": reply.body})
        elif self._dispatcher is not None:
            seconds = self._settings.scoring_timeout_ms / 1000
            await send_stream(request, reply.stream, self._dispatcher, send, seconds, self._code)

    def _log_access(self, scope: Message, reply: Reply, milliseconds: float) -> None:
        query = scope["query_string"]
        path = f"{scope['path']}?{query.decode('latin-1')}" if query else scope["path"]
        length = len(reply.body) if reply.stream is None else "N/A"
        self._access_log.add(scope["method"], path, reply.status, milliseconds, length)

    # Routes

    async def _health(self, _: Request) -> Reply:
        if self._script is None:
            return self._not_ready()
        return plain(200, b"Healthy", TEXT)

    async def _live(self, _: Request) -> Reply:
        return told(200, live=True, stage=self._status.stage)

    async def _ready(self, _: Request) -> Reply:
        ready = self._script is not None and not self.draining
        return told(200 if ready else 503, ready=ready, stage=self._status.stage)

    async def _describe(self, request: Request) -> Reply:
        if self._documents is None:
            return self._not_ready()
        asked = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        try:
            document = self._documents.version(asked.get("version", ["2"])[0])
        except UnknownVersionError as error:
            return refused(404, str(error))
        return Reply(200, document, ((b"content-type", JSON), (FAILED, b"False")))

    async def _metrics(self, request: Request) -> Reply:
        if self._keys is not None and (refusal := _refuse(self._keys, request)) is not None:
            return refusal
        return plain(200, self._counting.page(), MEDIA_TYPE)

    async def _score(self, request: Request) -> Reply:
        if self._keys is not None and (refusal := _refuse(self._keys, request)) is not None:
            return refusal
        script, dispatcher = self._script, self._dispatcher
        if script is None or dispatcher is None:
            return self._not_ready()
        if self._counting.in_flight >= dispatcher.limit + self._settings.queue:
            return self._full()
        self._counting.in_flight += 1
        try:
            return await self._scored(request, script, dispatcher)
        finally:
            self._counting.in_flight -= 1

    async def _scored(
        self, request: Request, script: EntryScript, dispatcher: Dispatcher | Coroutines
    ) -> Reply:
        try:
            body = await read_body(request, self._settings.max_body)
        except BodyTooLargeError:
            return refused(413, f"The body is larger than {self._settings.max_body} bytes.")
        call = Call(request.scope, body, request.request_id)
        work = score if script.coroutines is None else score_async
        limit = self._settings.scoring_timeout_ms
        wait = min(self._settings.queue_wait_ms or limit, limit)
        outcome: Outcome
        try:
            if self._batcher is not None:
                outcome = await self._batcher.score(call, limit / 1000, wait=wait / 1000)
            else:
                outcome = await dispatcher.call(
                    partial(work, script, self._code, call), limit / 1000, wait=wait / 1000
                )
        except NeverBegunError:
            access.error("[%s] Waited for %d ms; run() was not called", request.request_id, wait)
            return _busy(f"The service is busy: the request waited for {wait} ms.")
        except TimeoutError:
            text = f"Scoring timeout after {limit} ms"
            access.error("[%s] %s", request.request_id, text)
            outcome = Outcome(500, message(text), failed=True)
        if outcome.milliseconds is not None:
            self._counting.ran(outcome.milliseconds)
        return Reply(outcome.status, outcome.body, outcome.fields(), outcome.stream)

    def _not_ready(self) -> Reply:
        stage = self._status.stage
        text = f"The service is not ready; its stage is '{stage}'."
        return told(503, (b"retry-after", b"1"), message=text, stage=stage)

    def _full(self) -> Reply:
        return _busy(f"The service is busy: {self._settings.queue} requests wait.")


def _busy(text: str) -> Reply:
    return refused(503, f"{text} Try again soon.", (b"retry-after", b"1"))


def _refuse(keys: KeyFile, request: Request) -> Reply | None:
    verdict = keys.judge(request.headers.get(b"authorization"))
    if verdict == "welcome":
        return None
    # 401 for a wrong key too: it makes v1's clients fetch the keys again and repeat the request.
    text = {
        "missing": "A key is needed, as the header 'Authorization: Bearer KEY'.",
        "wrong": "The key is wrong.",
    }[verdict]
    return refused(401, text, (b"www-authenticate", b"Bearer"))
