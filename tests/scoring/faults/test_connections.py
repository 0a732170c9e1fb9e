"""Broken HTTP, slow clients, pipelines, large bodies: the server answers or closes, and goes on."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scoring.conftest import PATIENCE, RunningServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCORE = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = RunningServer(
        "echo", tmp_path_factory.mktemp("echo"), "--max-body", "1000000", "--client-timeout", "1"
    )
    yield server.ready()
    server.close()


def connect(server: RunningServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def everything(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def talk(server: RunningServer, data: bytes, *, ends: bool = True) -> bytes:
    """Send bytes; return all that comes until the server closes."""
    with connect(server) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def score(body: bytes) -> bytes:
    return _SCORE % (len(body), body)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /score HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /score HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /score HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        b"POST /score HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n" * 10 + b"nonsense\r\n\r\n",
    ],
)
def test_broken_requests_get_400(echo: RunningServer, data: bytes) -> None:
    assert talk(echo, data, ends=False).startswith(b"HTTP/1.1 400 ")
    assert echo.ask("GET", "/").status == 200


def test_huge_headers_get_431(echo: RunningServer) -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"y" * 100_000 + b"\r\n\r\n"
    assert talk(echo, data, ends=False).startswith(b"HTTP/1.1 431 ")
    many = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n"
    assert b" 431 " in talk(echo, many, ends=False)[:20]


@pytest.mark.parametrize("head", [b"", b"POST /sc", score(b"abc")[:-1]])
def test_slow_clients_are_closed(echo: RunningServer, head: bytes) -> None:
    with connect(echo) as connection:
        connection.sendall(head)
        if head:
            assert everything(connection).startswith(b"HTTP/1.1 408 ")
        else:  # idle is not slow
            connection.settimeout(1.5)
            with pytest.raises(TimeoutError):
                connection.recv(1)


def send_slowly(connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def test_one_byte_at_a_time_does_not_help(echo: RunningServer) -> None:
    with connect(echo) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_slowly(connection, score(b"x" * 10_000))  # would take minutes
    assert echo.ask("GET", "/").status == 200


def test_many_slow_clients_keep_nobody_waiting(echo: RunningServer) -> None:
    slow = [connect(echo) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST /score HTTP/1.1\r\nHost")
        assert echo.ask(body=b"x").status == 200
    finally:
        for connection in slow:
            connection.close()


def test_client_that_does_not_read_is_cut(echo: RunningServer) -> None:
    with connect(echo) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.2)
        try:
            for _ in range(40):
                connection.sendall(score(b"x" * 900_000))
        except TimeoutError:
            pass  # it has stopped to take more
        assert echo.ask(body=b"x").status == 200
        time.sleep(2.5)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_for_ever(connection)


def send_for_ever(connection: socket.socket) -> None:
    connection.settimeout(PATIENCE)
    while True:
        connection.sendall(b"x" * 65536)


def test_pipeline_is_answered_in_order(echo: RunningServer) -> None:
    bodies = [b"number %d" % number for number in range(200)]
    answer = talk(echo, b"".join(map(score, bodies)))
    assert answer.count(b"HTTP/1.1 200 OK") == 200
    places = [answer.index(b'"' + body + b'"') for body in bodies]
    assert places == sorted(places)


def test_pipeline_in_odd_pieces(echo: RunningServer) -> None:
    data = b"".join(score(b"%d" % number) for number in range(50))
    with connect(echo) as connection:
        for start in range(0, len(data), 7):
            connection.sendall(data[start : start + 7])
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection).count(b"HTTP/1.1 200 OK") == 50


def test_good_requests_before_a_broken_one_are_answered(echo: RunningServer) -> None:
    answer = talk(echo, score(b"a") + score(b"b") + b"nonsense\r\n\r\n", ends=False)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b"HTTP/1.1 400 ") == 1


def test_http_1_0(echo: RunningServer) -> None:
    old = b"POST /score HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"
    answer = talk(echo, old, ends=False)  # the server closes
    assert b"connection: close" in answer
    kept = old.replace(b"\r\n", b"\r\nConnection: keep-alive\r\n", 1)
    with connect(echo) as connection:
        for _ in range(3):
            connection.sendall(kept)
            assert b"connection: keep-alive" in connection.recv(4096)


def test_connection_close(echo: RunningServer) -> None:
    asked = b"POST /score HTTP/1.1\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    assert b"connection: close" in talk(echo, asked, ends=False)


def test_expect_continue(echo: RunningServer) -> None:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with connect(echo) as connection:
        connection.sendall(head % 2)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ok")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    with connect(echo) as connection:  # refused before it is sent
        connection.sendall(head % 2_000_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_upgrade_is_not_taken(echo: RunningServer) -> None:
    asked = (
        b"GET /score?a=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    )
    answer = talk(echo, asked + score(b"after"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2, answer


def test_body_of_100_megabytes(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = RunningServer("echo", tmp_path_factory.mktemp("large")).ready()
    try:
        body = b"x" * (100 * 2**20 - 10)
        assert len(server.ask(body=body).body) > len(body)
        assert server.ask(body=body + b"x" * 11).status == 413
    finally:
        server.close()


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_noise_in_a_request(echo: RunningServer, data: st.DataObject) -> None:
    text = bytearray(score(b'{"data": [[1, 2, 3]]}') * 2)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        kind = data.draw(st.sampled_from("xid"))
        noise = data.draw(st.binary(min_size=1, max_size=3))
        text[place : place + (0 if kind == "i" else len(noise))] = b"" if kind == "d" else noise
    answer = talk(echo, bytes(text))
    assert not answer or answer.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answer[:14]
    assert echo.ask("GET", "/").status == 200


def test_nothing_was_left_open(echo: RunningServer) -> None:
    assert "Traceback" not in echo.log
    assert echo.process.poll() is None


HEADERS = """
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    return AMLResponse("x", 200, {"X-Told": request.args["told"]})
"""


def test_values_cannot_forge_headers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("headers")
    (folder / "score.py").write_text(HEADERS)
    server = RunningServer(str(folder / "score.py"), folder).ready()
    try:
        assert server.ask("GET", "/score?told=a").headers["x-told"] == "a"
        answer = server.ask("GET", "/score?told=a%0D%0AX-Forged:%201")
        assert answer.status == 500
        assert answer.headers["x-forged"] is None
        assert server.ask("GET", "/").status == 200
    finally:
        server.close()
