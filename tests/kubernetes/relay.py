"""A registry that takes what is pushed, and answers the nodes of a cluster otherwise."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal

from tests.cluster.node import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_ONE_HOP = {"connection", "transfer-encoding", "keep-alive", "host"}


@contextmanager
def registry_for_pushes(answer: int | Literal["nothing"] | None) -> Iterator[str]:
    """Stand before the cluster's registry for a while.

    Args:
        answer: What nodes are answered, ``nothing`` lets them wait; None lets the registry vanish
            once an image is pushed.

    Yields:
        Its address.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    address = f"127.0.0.1:{server.server_port}"
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _carry(self) -> None:
            if answer is not None and "containerd" in self.headers["User-Agent"]:
                if answer == "nothing":
                    over.wait()
                    self.close_connection = True
                else:
                    self.send_error(answer)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            behind = http.client.HTTPConnection(REGISTRY, timeout=60)
            kept = {n: v for n, v in self.headers.items() if n.lower() not in _OF_ONE_HOP}
            behind.request(self.command, self.path, body, {**kept, "Host": address})
            found = behind.getresponse()
            content = found.read()
            if self.command == "PUT" and "/manifests/" in self.path and answer is None:
                server.shutdown()
                server.socket.close()
            self.send_response(found.status)
            for name, value in found.getheaders():
                if name.lower() not in {*_OF_ONE_HOP, "content-length"}:
                    self.send_header(name, value.replace(REGISTRY, address))
            length = found.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or f"{len(content)}")
            self.end_headers()
            self.wfile.write(content)
            behind.close()

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _carry  # noqa: N815 - so they are found

        def log_message(self, *_: object) -> None:
            pass

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield address
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
