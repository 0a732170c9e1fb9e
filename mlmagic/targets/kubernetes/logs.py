"""The logs of all pods of a service, merged in the order of time."""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

from mlmagic.errors import MlmagicError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from mlmagic.targets.kubernetes.connection import Connection, Stream
    from mlmagic.targets.kubernetes.observing import Pod

_logger = logging.getLogger(__name__)
# How long a line waits for earlier ones of other pods.
_HELD_SECONDS = 0.3
_PAUSE_SECONDS = 0.1
_TRIES, _RETRY_SECONDS = 5, 0.5
# What a kubelet answers, with status 200, while it replaces a container that has ended.
_REPLACED = "unable to retrieve container logs for "


def merged(connection: Connection, pods: Sequence[Pod], lines: int) -> list[str]:
    """Return the last lines of all pods together.

    Of a pod whose container was started anew, the lines of the one before come along: they say
    why. With several pods, each line begins with the last part of its pod's name.

    Args:
        connection: To the cluster.
        pods: The pods, the oldest first.
        lines: How many lines at most.
    """
    return _merged([(pod, _lines(connection, pod, lines)) for pod in pods])[-lines:]


class Following:
    """Follows the logs of a service's pods, also of those that come and of new containers.

    Each container that runs is read on a daemon thread of its own; one whose stream breaks is read
    on from where it was.

    Args:
        connection: To the cluster.
        pods: Returns the pods as they are now, the oldest first.
    """

    def __init__(self, connection: Connection, pods: Callable[[], Sequence[Pod]]) -> None:
        self._connection = connection
        self._pods = pods
        self._arrived: queue.SimpleQueue[tuple[str, str, str]] = queue.SimpleQueue()
        self._readers: dict[tuple[str, int], _Reader] = {}
        self._names: set[str] = set()

    def pages(self, lines: int) -> Generator[list[str]]:
        """Yield the last lines, then what comes; see `Target.follow_logs`."""
        try:
            yield self._first_page(lines)
            held: list[tuple[str, int, float, str, str]] = []
            number = itertools.count()
            while True:
                self._look_for_pods()
                for at, pod, text in self._taken():
                    heapq.heappush(held, (at, next(number), time.monotonic(), pod, text))
                ripe = time.monotonic() - _HELD_SECONDS
                page = []
                while held and min(entry[2] for entry in held) < ripe:
                    _, _, _, pod, text = heapq.heappop(held)
                    page.append(self._named(pod, text))
                yield page
        finally:
            for reader in self._readers.values():
                reader.close()

    def _first_page(self, lines: int) -> list[str]:
        pods = self._pods()
        found = [(pod, _lines(self._connection, pod, lines)) for pod in pods]
        for pod, log in found:
            if log:
                reader = _Reader(self._connection, pod, self._arrived, since=log[-1][0])
                self._readers[_key(pod)] = reader
                self._names.add(pod.name)
        return _merged(found)[-lines:]

    def _look_for_pods(self) -> None:
        """Read every container that runs, and once those that ended before they were seen."""
        for pod in self._pods():
            reader = self._readers.get(_key(pod))
            if reader is None and (pod.running or pod.ended):
                reader = self._readers[_key(pod)] = _Reader(self._connection, pod, self._arrived)
                reader.go_on()
            elif reader is not None and pod.running:
                reader.go_on()

    def _taken(self) -> Iterator[tuple[str, str, str]]:
        """Take what has arrived; waits a moment for the first line."""
        try:
            yield self._arrived.get(timeout=_PAUSE_SECONDS)
            while True:
                yield self._arrived.get_nowait()
        except queue.Empty:
            return

    def _named(self, pod: str, text: str) -> str:
        self._names.add(pod)
        return _behind_name(pod, text) if len(self._names) > 1 else text


class _Reader:
    """Reads one container of one pod on a thread; `go_on` starts it again where it broke off."""

    def __init__(
        self,
        connection: Connection,
        pod: Pod,
        arrived: queue.SimpleQueue[tuple[str, str, str]],
        since: str = "",
    ) -> None:
        self._connection = connection
        self._pod = pod.name
        self._arrived = arrived
        self._since = since
        self._stream: Stream | None = None
        self._closed = False
        self._retry = 0.0
        self._thread: threading.Thread | None = None

    def go_on(self) -> None:
        """Read, unless it does already or did a moment ago."""
        alive = self._thread is not None and self._thread.is_alive()
        if alive or self._closed or time.monotonic() < self._retry:
            return
        self._retry = time.monotonic() + _RETRY_SECONDS
        self._thread = threading.Thread(
            target=self._read, name=f"mlmagic-log-{self._pod}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._closed = True
        if self._stream is not None:
            self._stream.close()

    def _read(self) -> None:
        since = self._since
        try:
            self._stream = self._connection.follow_log(self._pod, since=_whole_second(since))
            for at, text in _stamped(self._stream.lines()):
                if at > since:  # the server tells the whole second again
                    self._since = at
                    self._arrived.put((at, self._pod, text))
        except MlmagicError as error:
            _logger.debug("The log of '%s' broke off: %s", self._pod, error)


def _merged(logs: Sequence[tuple[Pod, list[tuple[str, str]]]]) -> list[str]:
    several = sum(bool(log) for _, log in logs) > 1
    named = [
        [(at, _behind_name(pod.name, text) if several else text) for at, text in log]
        for pod, log in logs
    ]
    # Lines of one pod stay in their order, whatever its clock says.
    return [text for _, text in heapq.merge(*named, key=lambda line: line[0])]


def _behind_name(pod: str, text: str) -> str:
    return f"[{pod.rpartition('-')[2]}] {text}"


def _key(pod: Pod) -> tuple[str, int]:
    return pod.uid, pod.restarts


def _lines(connection: Connection, pod: Pod, lines: int) -> list[tuple[str, str]]:
    if not pod.scheduled:
        return []
    now = connection.log(pod.name, lines=lines)
    for _ in range(_TRIES):
        if not now.startswith(_REPLACED):
            break
        time.sleep(_RETRY_SECONDS)
        now = connection.log(pod.name, lines=lines)
    before = connection.log(pod.name, lines=lines, previous=True) if pod.restarts else ""
    return [*_stamped(before.splitlines()), *_stamped(now.splitlines())][-lines:]


def _stamped(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line.startswith(_REPLACED):
            continue
        at, _, text = line.partition(" ")
        # 2026-01-01T00:00:00.1Z: as long as the fraction has one length, text compares as time.
        whole, _, fraction = at.rstrip("Z").partition(".")
        yield f"{whole}.{fraction:0<9}", text


def _whole_second(at: str) -> str:
    return f"{at.partition('.')[0]}Z" if at else ""
