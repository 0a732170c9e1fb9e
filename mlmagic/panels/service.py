"""The Python half of the service panel: what the watcher sees goes out, intents come in."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import RLock, Timer
from typing import TYPE_CHECKING, Any, Protocol

import anywidget
import traitlets

from mlmagic.errors import MlmagicError, ScoringError

if TYPE_CHECKING:
    from collections.abc import Callable

    Snapshot = dict[str, Any]
    Watch = Callable[["ServiceHandle", Callable[[Snapshot, list[str]], None]], Callable[[], None]]

KEPT_LINES = 300
_LINE_LENGTH = 2_000
_BODY_LENGTH = 50_000
_TRY_SECONDS = 60.0
_PAUSE = 0.25
_STATIC = Path(__file__).parent / "static"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class ServiceHandle(Protocol):
    """What the panel needs of a service; a ``Webservice`` is one."""

    @property
    def name(self) -> str:
        """The name of the service."""

    @property
    def record(self) -> Any:
        """Its record; ``created_at`` tells it from others of the name."""

    def snapshot(self) -> Snapshot:
        """Return what the service is now."""

    def run(self, data: Any, *, timeout: float) -> Any:
        """Score one request."""

    def get_keys(self) -> tuple[str, str]:
        """Return the two keys."""


class ServicePanel(anywidget.AnyWidget):
    """A live view of one service.

    Traits go out only: ``snapshot`` is ``Webservice.snapshot()``, ``tail`` the newest lines of
    the log and how many older ones were dropped. What the user does comes in as ``{id, kind,
    args}`` and is answered by ``{id, ok, value | error}``. Keys travel in such an answer alone,
    never in a trait, so that a notebook saved with its widgets does not hold them.

    Args:
        handle: The service.
        watch: Calls back with each new snapshot and the new log lines, and returns what ends
            that; the services' watcher where it is None.
    """

    _esm = _STATIC / "service.js"
    _css = _STATIC / "service.css"

    snapshot = traitlets.Dict().tag(sync=True)
    tail = traitlets.Dict().tag(sync=True)

    def __init__(self, handle: ServiceHandle, *, watch: Watch | None = None) -> None:
        self.handle = handle
        self._lock = RLock()
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._dropped = 0
        self._sent = 0.0
        self._timer: Timer | None = None
        self._newest = handle.snapshot()
        self._unwatch: Callable[[], None] = lambda: None
        super().__init__(snapshot=self._newest, tail=self._tail())
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="mlmagic-panel")
        self.commands: dict[str, Callable[[dict[str, Any]], Any]] = {
            "try": self._try,
            "keys": self._keys,
        }
        self.on_msg(self._receive)
        self._unwatch = (watch or _services_watch)(handle, self._publish)

    def view(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the MIME bundle of a view of this panel, without text, and its metadata."""
        data, metadata = self._repr_mimebundle_() or ({}, {})
        return {kind: value for kind, value in data.items() if kind != "text/plain"}, metadata

    def close(self) -> None:
        """Stop watching and take the views away; the service goes on."""
        self._unwatch()
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self._workers.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _publish(self, snapshot: Snapshot, lines: list[str]) -> None:
        """Take news from the watcher's thread.

        A change of state goes out at once; the rest at most four times a second, so that a
        chatty script does not flood the page.
        """
        with self._lock:
            self._dropped += max(0, len(self._lines) + len(lines) - KEPT_LINES)
            self._lines.extend(map(_clean, lines))
            before, self._newest = self._newest, snapshot
            wait = self._sent + _PAUSE - time.monotonic()
            if wait <= 0 or _turns(before, snapshot):
                self._send_newest()
            elif self._timer is None:
                self._timer = Timer(wait, self._send_newest)
                self._timer.daemon = True
                self._timer.start()
        if snapshot["state"] == "Deleted":
            self._unwatch()

    def _send_newest(self) -> None:
        # Traits are set from this thread: the kernel's own may be busy with a cell for hours.
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._sent = time.monotonic()
            self.snapshot = self._newest
            self.tail = self._tail()

    def _tail(self) -> dict[str, Any]:
        return {"dropped": self._dropped, "lines": list(self._lines)}

    def _receive(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        """Hand an intent to a worker: the thread that reads messages is never kept waiting."""
        self._workers.submit(self._answer, content)

    def _answer(self, content: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"id": content.get("id"), "ok": False}
        command = self.commands.get(str(content.get("kind")))
        if command is None:
            reply["error"] = f"The panel has no command '{content.get('kind')}'."
        else:
            try:
                reply |= {"ok": True, "value": command(content.get("args") or {})}
            except MlmagicError as error:
                reply["error"] = str(error)
            except Exception as error:  # noqa: BLE001 - told in the panel, where the user waits
                reply["error"] = f"{type(error).__name__}: {error}"
        self.send(reply)

    def _try(self, args: dict[str, Any]) -> dict[str, Any]:
        start = time.perf_counter()
        status = 200
        try:
            answer = self.handle.run(str(args["body"]), timeout=_TRY_SECONDS)
        except ScoringError as error:
            status, answer = error.status, error.body
        spent = (time.perf_counter() - start) * 1_000
        return {"status": status, "milliseconds": spent, "body": _body_text(answer)}

    def _keys(self, _args: dict[str, Any]) -> dict[str, str]:
        primary, secondary = self.handle.get_keys()
        return {"primary": primary, "secondary": secondary}


def panel_of(handle: ServiceHandle, *, watch: Watch | None = None) -> ServicePanel:
    """Return the panel of a service, made where this kernel has none yet.

    A cell is run again and again: one panel per service keeps one subscription per service.
    """
    key = (handle.name, handle.record.created_at)
    panel = _panels.get(key)
    if panel is None or panel.comm is None:
        panel = _panels[key] = ServicePanel(handle, watch=watch)
    return panel


_panels: dict[tuple[str, Any], ServicePanel] = {}


def _services_watch(handle: Any, callback: Callable[[Snapshot, list[str]], None]) -> Any:
    from mlmagic.services.watcher import watch

    return watch(handle, callback)


def _turns(before: Snapshot, after: Snapshot) -> bool:
    return any(before[key] != after[key] for key in ("state", "reason", "stage"))


def _clean(line: str) -> str:
    """Take colours and control characters out of a log line, and cut it to a sane length."""
    line = _ESCAPES.sub("", line.rstrip("\r\n"))
    return line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]} …"


def _body_text(answer: Any) -> str:
    if isinstance(answer, bytes | bytearray):
        answer = bytes(answer).decode("utf-8", "replace")
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    if len(text) <= _BODY_LENGTH:
        return text
    return f"{text[:_BODY_LENGTH]}\n… {len(text) - _BODY_LENGTH:,} more characters"
