"""SIGTERM loses nothing that was accepted."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.scoring.conftest import RunningServer, wait_for

Serve = Callable[..., RunningServer]


def test_requests_in_flight_are_answered(serve: Serve) -> None:
    server = serve("echo", "--threads", "16").ready()
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(server.ask, body=b"sleep 0.5") for _ in range(16)]
        time.sleep(0.25)
        server.process.terminate()
        assert [answer.result().status for answer in answers] == [200] * 16
    assert server.process.wait(10) == 0


def test_queued_requests_are_answered(serve: Serve) -> None:
    server = serve("echo", "--threads", "1").ready()
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(server.ask, body=b"sleep 0.1") for _ in range(6)]
        wait_for(lambda: any(answer.done() for answer in answers), "the first answer")
        server.process.terminate()
        assert [answer.result().status for answer in answers] == [200] * 6
    assert server.process.wait(10) == 0


def test_idle_connection_gets_a_last_answer(serve: Serve) -> None:
    server = serve("echo").ready()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/score", body=b"one")
    assert connection.getresponse().read()
    server.process.terminate()
    wait_for(lambda: server.status["stage"] == "draining", "the drain")
    connection.request("GET", "/ready")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["connection"]) == (503, "close")
    connection.close()
    assert server.process.wait(10) == 0


def test_half_a_request_is_waited_for(serve: Serve) -> None:
    server = serve("echo").ready()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.6)
        connection.sendall(b"cd")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200")
    assert server.process.wait(10) == 0


def test_term_during_init(serve: Serve) -> None:
    server = serve("init_loops").listening()
    wait_for(lambda: server.status["stage"] == "init", "init")
    server.process.terminate()
    assert server.process.wait(10) == 0


def test_health_answers_while_run_blocks(serve: Serve) -> None:
    server = serve("echo", "--threads", "1").ready()
    asking = threading.Thread(target=server.ask, kwargs={"body": b"sleep 0.5"})
    asking.start()
    time.sleep(0.1)
    assert server.ask("GET", "/").status == 200
    assert asking.is_alive()
    asking.join()
