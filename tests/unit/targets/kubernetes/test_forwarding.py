"""When a port of this machine gives up on a client."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from mlmagic.targets.kubernetes.connection import connect
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.forwarding import Forwarder
from tests.unit.targets.kubernetes.test_connection import kubeconfig
from tests.unit.targets.kubernetes.test_securing import answering

if TYPE_CHECKING:
    from pathlib import Path


def test_only_what_credentials_may_not_do_is_final(tmp_path: Path) -> None:
    came = []

    def answer(path: str) -> tuple[int, bytes]:
        came.append(path)
        return (401 if len(came) == 1 else 403), b""  # a token that has just expired is renewed

    with answering(answer) as host:
        forwarder = Forwarder(connect(kubeconfig(host, tmp_path)), lambda: ["pod"])
        try:
            with socket.create_connection(("127.0.0.1", forwarder.port)) as client:
                assert client.recv(1) == b""
        finally:
            forwarder.close()
    assert len(came) == 2


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
