"""Takes connections from the listening socket, and at the end all that still wait there.

An event loop's own server resets those that wait when it is closed. And where several
workers listen on one socket, it takes all that wait as soon as it wakes up: one of two
workers may get every connection, and keeps them. Here a worker hesitates the longer,
the more connections it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from mlmagic.scoring.listening import BACKLOG

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection

logger = logging.getLogger("azmlinfsrv")
_PAUSE = 0.1  # when there are no more descriptors
_HESITATION, _LONGEST = 0.0002, 0.002  # seconds per connection, and at most
_PER_ROUND, _MOST = 8, 16  # one more at a time for so many connections, and at most


class Acceptor:
    """Stands where an ``asyncio.Server`` would, for uvicorn.

    Args:
        listener: The socket, listening.
        factory: Makes the protocol of a connection.
        connections: Those that this worker has.
        is_shared: Whether other workers take from the socket too.
    """

    def __init__(
        self,
        listener: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        connections: Collection[object],
        *,
        is_shared: bool,
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._factory = factory
        self._connections = connections
        self._is_shared = is_shared
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._is_open = True
        self._resume()

    def _resume(self) -> None:
        if self._is_open:
            reader = self._hesitate if self._is_shared else self._accept
            self._loop.add_reader(self._listener.fileno(), reader)

    def _hesitate(self) -> None:
        self._loop.remove_reader(self._listener.fileno())
        delay = min(len(self._connections) * _HESITATION, _LONGEST)
        self._loop.call_later(delay, self._accept)

    def _accept(self) -> None:
        if not self._is_open:
            return
        try:
            for _ in range(self._how_many()):
                self._begin(self._listener.accept()[0])
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass  # another worker was quicker, or the client has gone
        except OSError as error:
            logger.error("Connections cannot be accepted: %s", error)  # noqa: TRY400 - not ours
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(_PAUSE, self._resume)
            return
        if self._is_shared:
            self._resume()

    def _how_many(self) -> int:
        if not self._is_shared:
            return _MOST
        return min(1 + len(self._connections) // _PER_ROUND, _MOST)

    def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        making = self._loop.connect_accepted_socket(self._factory, connection)
        task = self._loop.create_task(making)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Take those that wait, and no more."""
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._listener.fileno())
        with contextlib.suppress(OSError):
            for _ in range(BACKLOG):
                self._begin(self._listener.accept()[0])
        self._listener.close()

    async def settle(self) -> None:
        """Wait until all that were taken are connections."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def wait_closed(self) -> None:
        """Return at once; uvicorn asks."""
