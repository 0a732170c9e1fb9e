"""Threads that follow services and tell of changes."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mlmagic.services import traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.services.traffic import Counts, Traffic
    from mlmagic.services.webservice import Webservice

LINES = 300
"""How many new lines of a log are told at once; older ones are counted."""
_LONGEST_SECONDS = 1.0  # a change that falls between looking and waiting is seen after this
_SHORTEST_SECONDS = 0.25  # a service that never rests is looked at this often
_TRAFFIC_SECONDS = 2.0
_Value = TypeVar("_Value")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class News:
    """What changed of a service since it was last told.

    Attributes:
        snapshot: What it is now.
        lines: New lines of its log.
        dropped: How many more lines were written, older than these.
        traffic: What it was asked meanwhile; None where nothing new is known.
    """

    snapshot: dict[str, Any]
    lines: list[str] = field(default_factory=list)
    dropped: int = 0
    traffic: Traffic | None = None


class _Complaints:
    """Writes what fails into the log once, not at each look, until it fails otherwise or succeeds.

    Args:
        what: What fails, as the log names it.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._told = ""

    def add(self, error: Exception) -> None:
        """Log an error, unless it was the last one too."""
        if self._told != (now := repr(error)):
            _logger.error(self._what, exc_info=error)
        self._told = now

    def end(self) -> None:
        """Take note of a success: what fails from now on is new."""
        self._told = ""


class _Follower:
    """Follows one service for one callback, on a daemon thread of its own, until ``ended``."""

    def __init__(self, service: Webservice, callback: Callable[[News], None]) -> None:
        self._service = service
        self._callback = callback
        self._told: dict[str, Any] = {}
        self._mark: object = None
        self._traffic_reader = traffic.Reader(service)
        self._counts: Counts | None = None
        self.ended = threading.Event()
        threading.Thread(target=self._follow, name="mlmagic-watcher", daemon=True).start()

    def _follow(self) -> None:
        complaints = _Complaints(f"Watching service '{self._service.name}' failed")
        while not self.ended.is_set():
            try:
                self._look()
                complaints.end()
                self.ended.wait(_SHORTEST_SECONDS)
                if not self.ended.is_set():
                    self._service.wait_for_change(_LONGEST_SECONDS - _SHORTEST_SECONDS)
            except Exception as error:  # noqa: BLE001 - looked at again: what is in the way may go
                complaints.add(error)
                self.ended.wait(_LONGEST_SECONDS)

    def _look(self) -> None:
        """Tell what changed since the last look, if anything did."""
        snapshot = self._service.snapshot()
        page = self._service.new_lines(self._mark, LINES)
        asked = self._traffic() if snapshot["scoringUri"] else None
        facts = {key: value for key, value in snapshot.items() if key != "updatedAt"}
        changed = facts != self._told or page.lines or asked
        self._told, self._mark = facts, page.mark
        if changed and not self.ended.is_set():
            self._callback(
                News(snapshot=snapshot, lines=page.lines, dropped=page.dropped, traffic=asked)
            )

    def _traffic(self) -> Traffic | None:
        before = self._counts
        if before is not None and time.monotonic() - before.at < _TRAFFIC_SECONDS:
            return None
        self._counts = self._traffic_reader.read() or before
        if before is None or self._counts is None or self._counts is before:
            return None
        return traffic.between(before, self._counts)


def watch(service: Webservice, callback: Callable[[News], None]) -> Callable[[], None]:
    """Call back at first, and at each change of a service, and with new lines of its log.

    The first call brings the last lines that are there already. While a service is chatty, it is
    told of a few times a second, with the newest lines and how many more there were.

    Args:
        service: What to follow.
        callback: Called from the watcher's thread.

    Returns:
        What ends the watching; it does not keep the service's handle.
    """
    return _Follower(service, callback).ended.set


def watch_value(
    read: Callable[[], _Value], callback: Callable[[_Value], None]
) -> Callable[[], None]:
    """Call back with a value, at first and whenever it changes.

    Args:
        read: Looks it up; cheap, as it is asked every second.
        callback: Called from a thread of its own.

    Returns:
        What ends the watching.
    """
    ended = threading.Event()

    def follow() -> None:
        told: list[_Value] = []
        complaints = _Complaints("Looking again failed")
        while not ended.is_set():
            try:
                now = read()
                if [now] != told and not ended.is_set():
                    callback(now)
                    told = [now]
                complaints.end()
            except Exception as error:  # noqa: BLE001 - as above
                complaints.add(error)
            ended.wait(_LONGEST_SECONDS)

    threading.Thread(target=follow, name="mlmagic-watcher", daemon=True).start()
    return ended.set
