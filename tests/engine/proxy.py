"""A forwarding HTTP proxy, which knows names that nobody else does."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from tests.engine.serving import Serving

NAME = "registry.test"


class Proxy(Serving):
    """A proxy on a free port of loopback, for plain requests and for tunnels.

    Attributes:
        asked: The first line of each request.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self.asked)))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"


def _handler(asked: list[str]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().decode().strip()
            if not line:
                return
            asked.append(line)
            method, target, version = line.split()
            head = b""
            while (more := self.rfile.readline()) not in (b"\r\n", b""):
                if not more.lower().startswith((b"connection:", b"proxy-connection:")):
                    head += more
            tunnel = method == "CONNECT"
            place = urlsplit(f"//{target}" if tunnel else target)
            with socket.create_connection(_address(place.hostname, place.port)) as other:
                if tunnel:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    path = target.partition(place.netloc)[2]
                    first = f"{method} {path} {version}\r\nConnection: close\r\n".encode()
                    other.sendall(first + head + b"\r\n")
                back = threading.Thread(target=_copy, args=(other, self.connection))
                back.start()
                self._pass_on(other)
                back.join()

        def _pass_on(self, other: socket.socket) -> None:
            with suppress(OSError):
                while data := self.rfile.read1():  # type: ignore[attr-defined]
                    other.sendall(data)
            with suppress(OSError):
                other.shutdown(socket.SHUT_WR)

    return Handler


def _address(name: str | None, port: int | None) -> tuple[str, int]:
    return ("127.0.0.1" if name == NAME else name or ""), port or 80


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
