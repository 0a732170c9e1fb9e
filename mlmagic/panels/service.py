"""The Python half of the service panel: what the watcher sees goes out, intents come in."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import traitlets

from mlmagic.panels.panel import STATIC, Panel, kept
from mlmagic.panels.service_commands import service_commands
from mlmagic.services.static_view import mime_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.panels.service_commands import ServiceHandle, Snapshot
    from mlmagic.services import News

    Watch = Callable[[ServiceHandle, Callable[[News], None]], Callable[[], None]]

KEPT_LINES = 300
KEPT_READINGS = 60
_LINE_LENGTH = 2_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class ServicePanel(Panel):
    """A live view of one service.

    ``snapshot`` is ``Webservice.snapshot()``, ``tail`` the newest lines of the log and how many
    older ones were dropped, ``traffic`` the last readings of what it was asked. Keys travel in
    an answer alone, never in a trait, so that a notebook saved with its widgets does not hold
    them.

    Args:
        handle: The service.
        watch: Calls back with news, and returns what ends that; the services' watcher where it
            is None.
    """

    _esm = STATIC / "service.js"

    snapshot = traitlets.Dict().tag(sync=True)
    tail = traitlets.Dict().tag(sync=True)
    traffic: Any = traitlets.List().tag(sync=True)

    def __init__(self, handle: ServiceHandle, *, watch: Watch | None = None) -> None:
        self.handle = handle
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._readings: deque[dict[str, Any]] = deque(maxlen=KEPT_READINGS)
        self._dropped = 0
        self._newest = handle.snapshot()
        self._unwatch: Callable[[], None] = lambda: None
        super().__init__(snapshot=self._newest, tail=self._tail())
        self._send_newest()
        self.commands = dict(service_commands(handle))
        self._unwatch = (watch or _services_watch)(handle, self._publish)

    @property
    def service(self) -> ServiceHandle:
        """The service that is shown."""
        return self.handle

    def close(self) -> None:
        """Stop watching and take the views away; the service goes on."""
        self._unwatch()
        super().close()

    def _publish(self, news: News) -> None:
        """Take news from the watcher's thread; a change of state goes out at once."""
        with self._lock:
            spilt = max(0, len(self._lines) + len(news.lines) - KEPT_LINES)
            self._dropped += news.dropped + spilt
            self._lines.extend(map(_clean, news.lines))
            if news.traffic is not None:
                self._readings.append(asdict(news.traffic))
            before, self._newest = self._newest, news.snapshot
            self._send_soon(at_once=_turns(before, self._newest))
        if news.snapshot["state"] == "Deleted":
            self._unwatch()

    def _send_traits(self) -> None:
        self.snapshot = self._newest
        self.tail = self._tail()
        self.traffic = list(self._readings)

    def _facts(self) -> object:
        # Memory is never at rest.
        replicas = [each | {"memoryBytes": None} for each in self._newest["replicas"]]
        return self._newest | {"updatedAt": "", "replicas": replicas}

    def _bundle(self) -> dict[str, Any]:
        return mime_bundle(self._newest)

    def _tail(self) -> dict[str, Any]:
        return {"dropped": self._dropped, "lines": list(self._lines)}


def panel_of(handle: ServiceHandle, *, watch: Watch | None = None) -> ServicePanel:
    """Return the panel of a service, made where this kernel has none yet.

    A cell is run again and again: one panel per service keeps one subscription per service.
    """
    key = (handle.name, handle.record.created_at)
    return kept(_panels, key, lambda: ServicePanel(handle, watch=watch))


_panels: dict[tuple[str, Any], ServicePanel] = {}


def _services_watch(handle: Any, callback: Callable[[News], None]) -> Callable[[], None]:
    from mlmagic.services import watch

    return watch(handle, callback)


def _turns(before: Snapshot, after: Snapshot) -> bool:
    return any(before[key] != after[key] for key in ("state", "reason", "stage"))


def _clean(line: str) -> str:
    """Take colours and control characters out of a log line, and cut it to a sane length."""
    line = _ESCAPES.sub("", line.rstrip("\r\n"))
    return line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]} …"
