"""When a port of this machine gives up on a client, and how long it is there."""

from __future__ import annotations

import gc
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from mlmagic.targets.kubernetes.connection import connect
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.forwarding import Forwarder
from mlmagic.testing.contract import until
from tests.engine.serving import Serving
from tests.unit.targets.kubernetes.test_connection import kubeconfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_only_what_credentials_may_not_do_is_final(tmp_path: Path) -> None:
    """A token that has ended is read again: the user may have logged in meanwhile."""
    came = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.headers["Authorization"])
            self.send_error(401 if came[-1] == "Bearer old" else 403)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    with Serving(server):
        place = kubeconfig(f"127.0.0.1:{server.server_port}", tmp_path)
        file = tmp_path / "config"
        nobody, user = "user: {}", "user: {{token: {}}}"
        text = file.read_text()
        assert nobody in text
        file.write_text(text.replace(nobody, user.format("old")))
        connection = connect(place)
        file.write_text(text.replace(nobody, user.format("new")))
        forwarder = Forwarder(connection, lambda: ["pod"])
        try:
            with socket.create_connection(("127.0.0.1", forwarder.port)) as client:
                assert client.recv(1) == b""
        finally:
            forwarder.close()
    assert came == ["Bearer old", "Bearer new"]


def test_pods_that_may_not_be_looked_at_are_not_waited_for(tmp_path: Path) -> None:
    asked = []

    def ready() -> list[str]:
        asked.append("pods")
        raise ForbiddenError("'ann' may not list pods.")

    forwarder = Forwarder(connect(kubeconfig("127.0.0.1:9", tmp_path)), ready)
    try:
        with socket.create_connection(("127.0.0.1", forwarder.port)) as client:
            assert client.recv(1) == b""
    finally:
        forwarder.close()
    assert asked == ["pods"]


class Handle:
    """Holds a port."""


GRACE = 0.2


@pytest.fixture
def forwarder(tmp_path: Path) -> Iterator[Forwarder]:
    made = Forwarder(connect(kubeconfig("127.0.0.1:9", tmp_path)), list, grace=GRACE)
    yield made
    made.close()


def is_open(forwarder: Forwarder) -> bool:
    try:
        socket.create_connection(("127.0.0.1", forwarder.port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def is_listening(forwarder: Forwarder) -> bool:
    """As `is_open`, but without a client, which would keep the port."""
    names = {thread.name for thread in threading.enumerate()}
    return f"mlmagic-forward-{forwarder.port}" in names


def outlive_grace() -> None:
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 3 * GRACE)


def test_a_port_lives_as_long_as_any_handle(forwarder: Forwarder, tmp_path: Path) -> None:
    one, other = Handle(), Handle()
    assert forwarder.hold([one])
    assert forwarder.hold([other])
    del one
    gc.collect()
    outlive_grace()
    assert is_listening(forwarder)
    del other
    gc.collect()
    until(lambda: not is_listening(forwarder))
    assert not is_open(forwarder)
    assert not forwarder.hold([Handle()])
    again = Forwarder(connect(kubeconfig("127.0.0.1:9", tmp_path)), list, port=forwarder.port)
    try:
        assert again.port == forwarder.port
    finally:
        again.close()


def test_what_is_carried_keeps_a_port_without_handles(forwarder: Forwarder) -> None:
    """As a session that was given the address, or a client that waits for a pod."""
    client = socket.create_connection(("127.0.0.1", forwarder.port), timeout=5)
    outlive_grace()
    assert is_listening(forwarder)
    client.close()
    forwarder.close()


def test_the_last_handle_that_is_closed_closes_the_port_at_once(forwarder: Forwarder) -> None:
    one, other = Handle(), Handle()
    forwarder.hold([one, other])
    forwarder.release(one)
    assert is_open(forwarder)
    forwarder.release(other)
    assert not is_open(forwarder)
    until(lambda: not is_listening(forwarder))


def test_a_port_that_is_taken_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = Forwarder(connect(kubeconfig("127.0.0.1:9", tmp_path)), list, port=port)
        assert made.port != port
        assert is_open(made)
        made.close()
