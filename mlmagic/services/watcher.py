"""One thread that follows services and tells of changes."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.services.webservice import Webservice

    Callback = Callable[[dict[str, Any], list[str]], None]

_PAUSE_SECONDS = 0.5
_LOG_LINES = 200
_logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Subscription:
    """Who wants to know of a service, and what was told last."""

    service: Webservice
    callback: Callback
    told: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Tell what changed since the last look, if anything did."""
        snapshot = self.service.snapshot()
        lines = self.service.log_lines(_LOG_LINES)
        new = _new_lines(self.lines, lines)
        facts = {key: value for key, value in snapshot.items() if key != "updatedAt"}
        if facts == self.told and not new:
            return
        self.told, self.lines = facts, lines
        self.callback(snapshot, new)


class Watcher:
    """Follows services on one daemon thread, which lives while anybody watches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: list[_Subscription] = []
        self._thread: threading.Thread | None = None

    def watch(self, service: Webservice, callback: Callback) -> Callable[[], None]:
        """Call back with the snapshot at first and at each change, and with new log lines.

        Lines that are there already are not told; ``Webservice.log_lines`` has them.

        Args:
            service: What to follow.
            callback: Called from the watcher's thread.

        Returns:
            What ends the watching.
        """
        subscription = _Subscription(service, callback, lines=service.log_lines(_LOG_LINES))
        with self._lock:
            self._subscriptions.append(subscription)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._follow, name="mlmagic-watcher", daemon=True
                )
                self._thread.start()

        def end() -> None:
            with self._lock:
                if subscription in self._subscriptions:
                    self._subscriptions.remove(subscription)

        return end

    def _follow(self) -> None:
        while True:
            with self._lock:
                current = list(self._subscriptions)
                if not current:
                    self._thread = None
                    return
            for subscription in current:
                try:
                    subscription.look()
                except Exception:
                    # One broken reader must not blind the others.
                    _logger.exception("Watching service '%s' failed", subscription.service.name)
            time.sleep(_PAUSE_SECONDS)


def _new_lines(before: list[str], now: list[str]) -> list[str]:
    """Return the lines of ``now`` that come after those of ``before``."""
    for start in range(len(before)):
        if now[: len(before) - start] == before[start:]:
            return now[len(before) - start :]
    return now


_watcher = Watcher()
watch = _watcher.watch
