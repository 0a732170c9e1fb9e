"""Counts of all workers of a service: each keeps a file that the others read.

Whichever worker a scrape reaches adds its own to the files; those of workers that are
gone stay, so that counters never fall.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.metrics import merged
from mlmagic.scoring.status import write_json

if TYPE_CHECKING:
    from pathlib import Path

_PAST = "metrics-past.json"


class SharedCounts:
    """The files in one folder.

    Args:
        folder: The state directory of the service.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = folder / f"metrics-{os.getpid()}.json"
        self._told: Any = None
        with suppress(OSError):
            self._fold()

    def tell(self, snapshot: dict[str, Any]) -> None:
        """Let the others read the counts of this process."""
        told = [snapshot["requests"], snapshot["gauges"]]
        if told != self._told:
            with suppress(OSError):  # a full disk does not end a service
                write_json(self._own, snapshot)
                self._told = told

    def others(self) -> list[dict[str, Any]]:
        """Return the counts of the other processes; only the living have gauges."""
        found = []
        for path in self._folder.glob("metrics-*.json"):
            snapshot = _read(path) if path != self._own else None
            if snapshot is not None:
                found.append(snapshot if _is_alive(snapshot) else snapshot | {"gauges": {}})
        return found

    def restarts(self) -> int:
        """Return how often the supervisor started workers again."""
        with suppress(OSError, ValueError, AttributeError, TypeError):
            return int(json.loads((self._folder / "state.json").read_text())["restarts"])
        return 0

    def _fold(self) -> None:
        """Put the counts of processes that are gone into one file."""
        with (self._folder / ".metrics.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            gone = [
                (path, snapshot)
                for path in self._folder.glob("metrics-*.json")
                if (snapshot := _read(path)) is not None
                and (path == self._own or not _is_alive(snapshot))
            ]
            total = merged(snapshot | {"gauges": {}} for _, snapshot in gone)
            if any(path.name != _PAST for path, _ in gone):
                write_json(self._folder / _PAST, total)
                for path, _ in gone:
                    if path.name != _PAST:
                        path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        snapshot: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return snapshot


def _is_alive(snapshot: dict[str, Any]) -> bool:
    if "pid" not in snapshot:
        return False
    try:
        os.kill(snapshot["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
