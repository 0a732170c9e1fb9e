"""Long work of a panel: how far it is, and its end, in every page that shows the panel."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from mlmagic.errors import UsageError
from mlmagic.panels.panel import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.errors import CancelledError
    from mlmagic.registry import Meter

_CANCELLING = "cancelling"  # a stage, too, until what was begun is taken back


class Send(Protocol):
    """Sends the traits of a panel."""

    def __call__(self, *, at_once: bool = False) -> None:
        """Send them now, or soon."""


class Work:
    """What a panel does that takes long: one at a time, so that one can be cancelled.

    Args:
        send: Sends the traits that tell of it.
        busy: What is said of it to those who ask for more, such as ``being registered``.
    """

    def __init__(self, send: Send, busy: str) -> None:
        self._send = send
        self._busy = busy
        self._lock = Lock()
        self._meter: Meter | None = None
        self._told: dict[str, Any] | None = None

    @property
    def told(self) -> dict[str, Any] | None:
        """How far it is, or why the last came to nothing; for a trait."""
        with self._lock:
            return self._told and dict(self._told)

    @contextmanager
    def doing(self, name: str, error: CancelledError | None = None) -> Iterator[Meter]:
        """Tell how far something is, and have it end where a page cancels it.

        Args:
            name: What pages call it.
            error: As for `Meter`.

        Raises:
            UsageError: Something else is being done.
        """
        from mlmagic.registry import Meter

        def tell(meter: Meter) -> None:
            with self._lock:
                if told["stage"] != _CANCELLING:
                    told["stage"] = meter.stage
                told.update(done=meter.done, total=meter.total)
            self._send()

        told: dict[str, Any] = {"name": name, "stage": "", "done": 0, "total": 0, "problem": ""}
        with self._lock:
            if self._meter is not None and self._told is not None:
                raise UsageError(
                    f"'{self._told['name']}' is {self._busy}.",
                    hint="Wait for it, or cancel it.",
                )
            self._meter = meter = Meter(tell, error=error)
            self._told = told
        self._send(at_once=True)
        try:
            with meter:
                yield meter
        except Exception as fault:
            told["problem"] = words_of(fault)
            raise
        else:
            self._told = None
        finally:
            self._meter = None
            self._send(at_once=True)

    def cancel(self, _args: object = None) -> None:
        """End what is being done; without that, there is nothing to do."""
        with self._lock:
            if self._meter is None or self._told is None:
                return
            self._meter.cancel()
            self._told["stage"] = _CANCELLING
        self._send(at_once=True)
