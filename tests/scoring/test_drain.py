"""SIGTERM loses nothing that was accepted."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.scoring.conftest import PATIENCE, RunningServer, wait_for
from tests.scoring.test_metrics import metrics

if TYPE_CHECKING:
    from pathlib import Path

Serve = Callable[..., RunningServer]
WAITS = """
    import os
    import time


    def init():
        pass


    def run(data):
        while not os.path.exists("gate"):
            time.sleep(0.01)
        return data
"""


def connection_to(server: RunningServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)


def in_flight(server: RunningServer, count: int) -> None:
    wait_for(lambda: metrics(server)["mlmagic_in_flight"] == count, f"{count} requests in flight")


def test_requests_in_flight_are_answered(serve_source: Serve, tmp_path: Path) -> None:
    server = serve_source(WAITS, "--threads", "16").ready()
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(server.ask, body=b"x") for _ in range(16)]
        in_flight(server, 16)
        server.process.terminate()
        wait_for(lambda: server.status["stage"] == "draining", "the drain")
        (tmp_path / "app" / "gate").touch()
        assert [answer.result().status for answer in answers] == [200] * 16
    assert server.process.wait(PATIENCE) == 0


def test_queued_requests_are_answered(serve: Serve) -> None:
    server = serve("echo", "--threads", "1").ready()
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(server.ask, body=b"sleep 0.1") for _ in range(6)]
        wait_for(lambda: any(answer.done() for answer in answers), "the first answer")
        server.process.terminate()
        assert [answer.result().status for answer in answers] == [200] * 6
    assert server.process.wait(PATIENCE) == 0


STANDS_STILL = """
    import ctypes
    import sys
    import threading
    import time
    from pathlib import Path

    libc = ctypes.PyDLL(None)  # its calls keep the interpreter lock
    drains, holds, sent = (Path(name) for name in ("drains", "holds", "sent"))


    def stand_still():
        while '"draining"' not in status.read_text():
            time.sleep(0.001)
        time.sleep(0.02)  # now the time of idle connections has begun
        sys.setswitchinterval(1000)
        libc.usleep(50_000)  # the event loop has looked at its sockets, and waits for the lock
        libc.creat(bytes(holds), 0o600)
        while libc.access(bytes(sent), 0):
            libc.usleep(1000)
        libc.usleep(500_000)  # longer than idle connections are kept in a drain
        sys.setswitchinterval(0.005)


    def init():
        global status
        status = Path(sys.argv[sys.argv.index("--status-file") + 1])
        threading.Thread(target=stand_still, daemon=True).start()


    def run(data):
        return data
"""


def test_idle_connections_get_a_last_answer(serve_source: Serve, tmp_path: Path) -> None:
    """The server stands still meanwhile: what it has not read yet was sent in time."""
    server = serve_source(STANDS_STILL).ready()
    clients = [connection_to(server) for _ in range(9)]
    for client in clients:
        client.request("POST", "/score", body=b"one")
        assert client.getresponse().read() == b'"one"'
    server.process.terminate()
    wait_for((tmp_path / "app" / "holds").exists, "the drain")
    for client in clients[1:]:
        client.request("POST", "/score", body=b"last")
    clients[0].request("GET", "/ready")
    (tmp_path / "app" / "sent").touch()
    answers = [client.getresponse() for client in clients]
    assert [each.status for each in answers] == [503, *[200] * 8]
    assert {each.headers["connection"] for each in answers} == {"close"}
    for client in clients:
        client.close()
    assert server.process.wait(PATIENCE) == 0


KEEPS_THE_LOCK = """
    import ctypes
    import threading
    import time

    libc = ctypes.PyDLL(None)  # its calls keep the interpreter lock


    def work():
        while True:
            libc.usleep(20_000)
            time.sleep(0.0005)


    def init():
        threading.Thread(target=work, daemon=True).start()


    def run(data):
        return data
"""


def test_connections_that_wait_are_taken_at_the_end(serve_source: Serve) -> None:
    """A busy process accepts slowly: what waits is still unaccepted when the end comes."""
    server = serve_source(KEEPS_THE_LOCK).ready()
    clients = [connection_to(server) for _ in range(50)]
    for client in clients:
        client.request("POST", "/score", body=b"one")
    server.process.terminate()
    assert [client.getresponse().status for client in clients] == [200] * 50
    for client in clients:
        client.close()
    assert server.process.wait(PATIENCE) == 0


def test_half_a_request_is_waited_for(serve: Serve) -> None:
    server = serve("echo").ready()
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.6)
        connection.sendall(b"cd")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200")
    assert server.process.wait(PATIENCE) == 0


def test_term_during_init(serve: Serve) -> None:
    server = serve("init_loops").listening()
    wait_for(lambda: server.status["stage"] == "init", "init")
    server.process.terminate()
    assert server.process.wait(PATIENCE) == 0


def test_health_answers_while_run_blocks(serve_source: Serve, tmp_path: Path) -> None:
    server = serve_source(WAITS, "--threads", "1").ready()
    asking = threading.Thread(target=server.ask, kwargs={"body": b"x"})
    asking.start()
    in_flight(server, 1)
    assert server.ask("GET", "/").status == 200
    assert asking.is_alive()
    (tmp_path / "app" / "gate").touch()
    asking.join()
