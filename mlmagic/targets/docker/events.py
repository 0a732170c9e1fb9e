"""What happens on an engine, told by the engine: one thread for all who wait in a process."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlmagic.entities import ServiceEvent
from mlmagic.targets.docker import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from docker import DockerClient

_AGAIN_SECONDS = 1.0
_WATCHED = (
    *("create", "start", "die", "destroy", "oom", "stop", "pause", "unpause", "rename"),
    *("update", "health_status"),
)
_WORDS = {
    "create": "it was made",
    "start": "it was started",
    "die": "it ended",
    "oom": "it had too little memory",
    "pause": "it was paused",
    "unpause": "it goes on",
    "destroy": "it was removed",
}
# By itself, and by the signal that asks it to end.
_GOOD_ENDS = ("", "0", "143")
_KILLED = "137"


def told(client: DockerClient, wanted: Sequence[str], *, since: datetime) -> Iterator[ServiceEvent]:
    """Yield what an engine still knows to have happened to containers, of some hundred events.

    Args:
        client: The engine's.
        wanted: The containers' labels.
        since: The moment to begin at, by our clock.
    """
    # By the engine's clock, which may be another: it waits for an end that is still to come.
    engine = client.info()
    now = datetime.fromisoformat(engine["SystemTime"])
    age = max(datetime.now(UTC) - since, timedelta())
    # Podman, which Buildah is part of, tells nothing where the end has come.
    end = now + timedelta(seconds="BuildahVersion" in engine)
    until: Any = f"{end.timestamp():.6f}"  # the stubs know whole seconds
    asked = client.api.events(
        since=int((now - age).timestamp()),
        until=until,
        decode=True,
        filters={"label": [*wanted], "event": [*_WORDS, "kill"]},
    )
    killed = set()
    for each in asked:
        actor, container = each["Actor"]["Attributes"], each["Actor"]["ID"]
        if each["Action"] == "kill":
            if actor.get("signal", "9") == "9":  # Podman does not tell which
                killed.add(container)
            continue
        code = actor.get("exitCode", "") if each["Action"] == "die" else ""
        if code == _KILLED and container in killed:
            killed.remove(container)
            code = ""  # it was asked for, by us as a rule: no fault of the server
        yield ServiceEvent(
            at=datetime.fromtimestamp(each["timeNano"] / 1e9, UTC),
            type="Warning" if code not in _GOOD_ENDS or each["Action"] == "oom" else "Normal",
            reason=each["Action"].capitalize(),
            about=f"container/{actor.get('name', container[:12])}",
            message=_WORDS[each["Action"]] + (f" with exit code {code}" if code else ""),
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
