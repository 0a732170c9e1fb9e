"""A copy of a namespace's objects, kept true by watches while anybody asks."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmagic.errors import MlmagicError
from mlmagic.targets.kubernetes.naming import OURS

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.connection import Connection, Object, Stream

_logger = logging.getLogger(__name__)
# Events carry no labels of ours; they are sorted by the object that they are about.
_WATCHED = {"Deployment": OURS, "Pod": OURS, "Event": ""}
_IDLE_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_READY_SECONDS = 10.0


class Mirror:
    """A copy of a namespace's Deployments, Pods and Events.

    The first question starts a watch for each kind, on daemon threads; they end when nobody has
    asked for a minute. Where the server ends a watch, restarts, or has forgotten the version, the
    list is read again.

    Args:
        connection: To the cluster.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changed = threading.Condition()
        self._kinds: dict[str, _Kind] = {}
        self._asked = 0.0
        self._count = 0

    def read(self, kind: str) -> list[Object]:
        """Return the objects of a kind as they are now.

        Raises:
            MlmagicError: The server cannot be asked; as `Connection.list`.
        """
        state = self._start(kind)
        with self._changed:
            until = time.monotonic() + _READY_SECONDS
            while not state.ready and state.error is None and time.monotonic() < until:
                self._changed.wait(0.5)
            if state.error is not None:
                raise state.error
            return list(state.objects.values())

    def get(self, kind: str, name: str) -> Object | None:
        """Return one object as it is now; None where there is none."""
        found = [each for each in self.read(kind) if each["metadata"]["name"] == name]
        return found[0] if found else None

    def note(self, item: Object) -> None:
        """Take in what the server answered to a change of ours, which a watch tells later."""
        with self._changed:
            state = self._kinds.get(item["kind"])
            if state is not None and state.ready:
                state.take("MODIFIED", item)
                self._tell()

    @property
    def count(self) -> int:
        """How many changes there were; `wait` waits for the next."""
        with self._changed:
            return self._count

    def wait(self, since: int, seconds: float) -> int:
        """Wait until something changes.

        Args:
            since: The number that was returned before.
            seconds: How long at most.

        Returns:
            A number that grows with each change.
        """
        for kind in _WATCHED:
            self._start(kind)
        with self._changed:
            self._changed.wait_for(lambda: self._count > since, seconds)
            return self._count

    def close(self) -> None:
        """End the watches."""
        with self._changed:
            states, self._kinds = list(self._kinds.values()), {}
        for state in states:
            state.close()

    def _start(self, kind: str) -> _Kind:
        with self._changed:
            self._asked = time.monotonic()
            state = self._kinds.get(kind)
            if state is None:
                state = self._kinds[kind] = _Kind(kind)
                threading.Thread(
                    target=self._follow,
                    args=(state,),
                    name=f"mlmagic-watch-{kind.lower()}",
                    daemon=True,
                ).start()
            return state

    def _follow(self, state: _Kind) -> None:
        pause = _FIRST_PAUSE
        while not state.closed and not self._is_idle(state):
            try:
                self._list_and_watch(state)
                pause = _FIRST_PAUSE
            except MlmagicError as error:
                with self._changed:
                    state.error = error
                    self._tell()
                _logger.debug("The watch of %s broke: %s", state.kind, error)
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        with self._changed:
            if self._kinds.get(state.kind) is state:
                del self._kinds[state.kind]

    def _list_and_watch(self, state: _Kind) -> None:
        selector = _WATCHED[state.kind]
        items, version = self._connection.list(state.kind, selector)
        with self._changed:
            state.objects = {_key(each): each for each in items}
            state.ready, state.error = True, None
            self._tell()
        while version and not state.closed and not self._is_idle(state):
            state.stream = self._connection.watch(state.kind, version, selector)
            for change, item in state.stream:
                if change == "ERROR":
                    return  # the version is forgotten, or the server says so otherwise
                version = item["metadata"]["resourceVersion"]
                if change != "BOOKMARK":
                    with self._changed:
                        state.take(change, {"kind": state.kind, **item})
                        self._tell()

    def _tell(self) -> None:
        self._count += 1
        self._changed.notify_all()

    def _is_idle(self, state: _Kind) -> bool:
        with self._changed:
            idle = time.monotonic() - self._asked > _IDLE_SECONDS
            if idle and self._kinds.get(state.kind) is state:
                del self._kinds[state.kind]
            return idle


@dataclass(eq=False)
class _Kind:
    """The copy of one kind."""

    kind: str
    objects: dict[str, Object] = field(default_factory=dict)
    ready: bool = False
    closed: bool = False
    error: MlmagicError | None = None
    stream: Stream | None = None

    def take(self, change: str, item: dict[str, Any]) -> None:
        key = _key(item)
        if change == "DELETED":
            self.objects.pop(key, None)
            return
        known = self.objects.get(key)
        # What a change of ours was answered may be newer than what the watch tells.
        if known is None or _version(known) <= _version(item):
            self.objects[key] = item

    def close(self) -> None:
        self.closed = True
        if self.stream is not None:
            self.stream.close()


def _key(item: Object) -> str:
    return str(item["metadata"]["uid"])


def _version(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])
