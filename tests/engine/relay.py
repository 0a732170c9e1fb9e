"""A relay in front of a server, which falls silent in the middle or loses an answer."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.engine.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Callable


class Relay(Serving):
    """Passes bytes on to a port of loopback, from a free one of its own.

    Args:
        port: Where the server listens.

    Attributes:
        address: ``localhost:PORT``, to be used instead of the server's.
    """

    def __init__(self, port: int) -> None:
        self._left: int | None = None
        self._awaited, self._losing = b"", False
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.sockets: list[socket.socket] = []
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(port, self))
        self.address = f"localhost:{server.server_address[1]}"
        super().__init__(server)

    def silent_after(self, size: int | None) -> None:
        """Pass on so many bytes of both directions, and then nothing; None is all."""
        with self._lock:
            self._left = size

    def allowed(self, data: bytes) -> bytes:
        """Return what of some bytes is passed on."""
        with self._lock:
            if self._left is None:
                return data
            passed = data[: self._left]
            self._left -= len(passed)
            return passed

    def lose_answer(self, request: bytes) -> None:
        """Break the connection instead of passing on the answer to a request, once.

        Args:
            request: How the request begins.
        """
        self._awaited = request

    def asked(self, data: bytes) -> None:
        """Take note of what a client sends."""
        if self._awaited and data.startswith(self._awaited):
            self._awaited, self._losing = b"", True

    def loses(self) -> bool:
        """Whether the answer that has come is the one to lose."""
        losing, self._losing = self._losing, False
        return losing

    def wait(self) -> None:
        """Wait until the relay ends."""
        self._over.wait()

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._server.shutdown()  # nobody comes any more
        for each in self.sockets:
            _end(each)
        super().__exit__(*_error)


def _handler(port: int, relay: Relay) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as other:
                relay.sockets += [self.request, other]
                back = threading.Thread(target=self._answer, args=(other,))
                back.start()
                self._copy(self.request, other, relay.asked)
                back.join()

        def _answer(self, other: socket.socket) -> None:
            self._copy(other, self.request, lambda _data: None)

        def _copy(
            self, source: socket.socket, sink: socket.socket, see: Callable[[bytes], None]
        ) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    see(data)
                    if sink is self.request and relay.loses():
                        break
                    passed = relay.allowed(data)
                    sink.sendall(passed)
                    if len(passed) < len(data):
                        relay.wait()
                        break
            _end(source)
            _end(sink)

    return Handler


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # ended already
        connection.shutdown(socket.SHUT_RDWR)
