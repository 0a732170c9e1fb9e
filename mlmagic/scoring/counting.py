"""What one worker counts, and the page that tells it for the whole service."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from mlmagic.scoring.metrics import Metrics, exposition, merged
from mlmagic.scoring.shared import SharedCounts
from mlmagic.scoring.supervisor.memory import resident_bytes

if TYPE_CHECKING:
    from mlmagic.scoring.coroutines import Coroutines
    from mlmagic.scoring.dispatch import Dispatcher
    from mlmagic.scoring.settings import Settings

_INTERVAL = 1.0


class Counting:
    """Counts answers and calls.

    Args:
        settings: Tell whether other workers serve too.

    Attributes:
        in_flight: Scoring requests that are not answered yet.
    """

    def __init__(self, settings: Settings) -> None:
        supervised = settings.lifeline is not None and settings.status_file is not None
        folder = settings.status_file.parent if settings.status_file is not None else None
        self._shared = SharedCounts(folder) if supervised and folder is not None else None
        self._dispatcher: Dispatcher | Coroutines | None = None
        self._metrics = Metrics()
        self.answered = self._metrics.answered
        self.ran = self._metrics.ran
        self.in_flight = 0

    def begin(self, dispatcher: Dispatcher | Coroutines) -> None:
        """Let the other workers read the counts from now on."""
        self._dispatcher = dispatcher
        if self._shared is not None:
            self._tell_often()

    def tell(self) -> None:
        """Let the other workers read the counts now."""
        if self._shared is not None:
            self._shared.tell(self._metrics.snapshot(**self._gauges()))

    def page(self) -> bytes:
        """Return the counts of all workers."""
        snapshots = [self._metrics.snapshot(**self._gauges())]
        if self._shared is None:
            return exposition(merged(snapshots))
        total = merged([*snapshots, *self._shared.others()])
        total["gauges"]["restarts_total"] = self._shared.restarts()
        return exposition(total)

    def _gauges(self) -> dict[str, float]:
        threads = self._dispatcher.limit if self._dispatcher is not None else 0
        return {
            "in_flight": self.in_flight,
            "queue": max(0, self.in_flight - threads),
            "threads": threads,
            "workers": 1,
            "memory_bytes": resident_bytes(os.getpid()) or 0,
        }

    def _tell_often(self) -> None:
        self.tell()
        asyncio.get_running_loop().call_later(_INTERVAL, self._tell_often)
