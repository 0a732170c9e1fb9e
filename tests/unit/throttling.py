"""A server that has too much to do at first."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.engine.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def throttled(
    times: int, retry_after: str, *, status: int = 429
) -> Iterator[tuple[str, list[str]]]:
    """Refuse some requests, and answer all others with an empty object.

    Args:
        times: How many are refused.
        retry_after: What is said of the next.
        status: What the refused ones are answered.

    Returns:
        Host and port, and the methods of the requests that came.
    """
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            came.append(self.command)
            busy = len(came) <= times
            self.send_response(status if busy else 200)
            if busy:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_PATCH = _answer  # noqa: N815 - so they are found

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with Serving(server):
        yield f"127.0.0.1:{server.server_port}", came
