"""What happens on an engine, told by the engine: one thread for all who wait in a process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from mlmagic.targets.docker import labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient

_AGAIN_SECONDS = 1.0
_WATCHED = (
    *("create", "start", "die", "destroy", "oom", "stop", "pause", "unpause", "rename"),
    *("update", "health_status"),
)


class Events:
    """Follows the events of our containers, from the first who waits on.

    Args:
        connect: Makes a client of its own for the stream.
    """

    def __init__(self, connect: Callable[[], DockerClient]) -> None:
        self._connect = connect
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._stream: Any = None

    @property
    def count(self) -> int:
        """How many changes there have been."""
        with self._changed:
            self._begin()
            return self._count

    def wait(self, since: int, seconds: float) -> None:
        """Return when there has been a change since a count, at the latest in time."""
        with self._changed:
            self._begin()
            self._changed.wait_for(lambda: self._count != since or self._closed, seconds)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            stream, thread = self._stream, self._thread
            self._changed.notify_all()
        if stream is not None:
            stream.close()
        if thread is not None:
            thread.join(_AGAIN_SECONDS * 2)

    def _begin(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(
                target=self._follow, name="mlmagic-docker-events", daemon=True
            )
            self._thread.start()

    def _follow(self) -> None:
        while not self._closed:
            try:
                self._read()
            except Exception:  # noqa: BLE001 - the engine is gone; whoever looks will say so
                self._bump()
            if not self._closed:
                time.sleep(_AGAIN_SECONDS)

    def _read(self) -> None:
        client = self._connect()
        try:
            filters = {"label": labels.PART, "event": list(_WATCHED)}
            stream = client.api.events(decode=True, filters=filters)
            with self._changed:
                self._stream = stream
            self._bump()  # what happened before is seen now
            for _ in stream:
                self._bump()
        finally:
            with self._changed:
                self._stream = None
            client.close()

    def _bump(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()


class NoEvents:
    """Stands for `Events` while a deployment makes them itself, and tells of them."""

    count = 0

    def wait(self, since: int, seconds: float) -> None:  # noqa: ARG002
        """Return in time."""
        time.sleep(seconds)
