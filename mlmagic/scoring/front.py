"""A listening socket that outlives the servers which accept from it.

The front of a service opens the socket once and hands it to every server that asks on a Unix
socket. A server accepts from it wherever it runs, in another container too: nothing stands
between it and its clients, and one server takes over from another without losing a connection::

    python -m mlmagic.scoring.front --port 5001 --socket /run/mlmagic/fronts/a1b2c3
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.scoring.failure import START_FAILED, StartFailure
from mlmagic.scoring.listening import BACKLOG, open_listener

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = b"\0"  # a descriptor travels beside at least one byte
_ASK_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
_PAUSE = 0.05


class Front:
    """The front of this server's service, seen from the server.

    Args:
        path: The Unix socket that the front answers on.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._connection: socket.socket | None = None

    def wait(self) -> socket.socket:
        """Take the listening socket, as soon as the front is up.

        Raises:
            StartFailure: It does not come up.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while (listener := self._take()) is None:
            if time.monotonic() > until:
                message = f"The front of the service does not answer on '{self._path}'."
                raise StartFailure("PortInUse", message)
            time.sleep(_PAUSE)
        return listener

    async def next(self) -> socket.socket:
        """Wait until the front is gone, and take the socket of the one in its place."""
        loop = asyncio.get_running_loop()
        assert self._connection is not None  # noqa: S101 - taken before
        with self._connection as connection, contextlib.suppress(OSError):
            connection.setblocking(False)
            while await loop.sock_recv(connection, 1):
                pass
        while (listener := self._take()) is None:  # noqa: ASYNC110 - nothing tells of a new one
            await asyncio.sleep(_PAUSE)
        return listener

    def _take(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_ASK_SECONDS)
        try:
            connection.connect(self._path)
            _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
        except OSError:
            descriptors = []
        if not descriptors:
            connection.close()
            return None
        self._connection = connection  # its end says that the front is gone
        return socket.socket(fileno=descriptors[0])


def serve(listener: socket.socket, door: socket.socket) -> None:
    """Hand the socket to everybody who asks, until the process is ended."""
    with selectors.DefaultSelector() as selector:
        selector.register(door, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                asking = key.fileobj
                assert isinstance(asking, socket.socket)  # noqa: S101 - nothing else is registered
                if asking is not door:  # a server has gone, or says what nobody asked
                    selector.unregister(asking)
                    asking.close()
                    continue
                server, _ = door.accept()
                with contextlib.suppress(OSError):
                    socket.send_fds(server, [_WORD], [listener.fileno()])
                    selector.register(server, selectors.EVENT_READ)


def main(arguments: Sequence[str]) -> int:
    """Be the front of a service.

    Returns:
        0 when ended, 3 when the port or the socket's folder cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m mlmagic.scoring.front", description=__doc__)
    parser.add_argument("--address", default="0.0.0.0")  # noqa: S104 - of the container
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        listener = open_listener(options.address, options.port)
        door = _open_door(options.socket)
    except (StartFailure, OSError) as failure:
        sys.stderr.write(f"{failure}\n")
        return START_FAILED
    sys.stderr.write(f"front: listening on {options.address}:{options.port}\n")
    serve(listener, door)
    return 0


def _open_door(path: Path) -> socket.socket:
    """Listen on a Unix socket; the name of one that is gone is taken over at once."""
    door = socket.socket(socket.AF_UNIX)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    door.bind(str(temporary))
    door.listen(BACKLOG)
    temporary.replace(path)
    return door


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
