"""Coroutines and generators."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.scoring.conftest import PATIENCE, RunningServer, wait_for

ServeSource = Callable[..., RunningServer]
ASYNC = """
import asyncio
running = 0
async def init():
    global ready
    await asyncio.sleep(0)
    ready = True
async def run(data, request_headers):
    global running
    running += 1
    print("printed by", data)
    try:
        if data == "raise":
            raise ValueError("mine")
        if data == "wait":
            await asyncio.sleep(60)
        await asyncio.sleep(0.2)
        return [ready, running, request_headers.get("X-Mine")]
    finally:
        running -= 1
"""


def test_coroutines_run_together(serve_source: ServeSource) -> None:
    server = serve_source(ASYNC, "--scoring-timeout-ms", "1500").ready()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(server.ask(body=b"x").json[1]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(found) > 1
    assert server.ask(body=b"x", X_Mine="1", X_Request_Id="the-id").json == [True, 1, "1"]
    assert "[the-id] printed by x" in server.log
    failed = server.ask(body=b"raise")
    assert (failed.status, failed.headers["x-ms-run-function-failed"]) == (500, "True")
    assert "ValueError: mine" in server.log
    late = server.ask(body=b"wait")
    assert (late.status, late.json) == (500, {"message": "Scoring timeout after 1500 ms"})
    assert server.ask(body=b"x").json == [True, 1, None]  # the late one was cancelled


def test_one_coroutine_at_a_time(serve_source: ServeSource) -> None:
    server = serve_source(ASYNC, "--threads", "1").ready()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(server.ask(body=b"x").json[1]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1, 1, 1]


def test_an_async_sample(serve_source: ServeSource, tmp_path) -> None:
    (tmp_path / "sample.json").write_text("1")
    server = serve_source(ASYNC, "--sample", str(tmp_path / "sample.json")).ready()
    assert server.status["sample_result"] == "[true, 1, null]"


GENERATOR = """
import time
closed = []
def init(): pass
def run(data):
    if data == "closed": return closed
    return pieces(data)
def pieces(kind):
    try:
        if kind == "first": raise ValueError("before the first")
        if kind == "bytes": yield b"\\x00"; yield b"\\xff"
        elif kind == "text": yield "a"; yield "é"
        elif kind == "none": return
        elif kind == "fails": yield {"a": 1}; raise ValueError("between")
        elif kind == "endless":
            while True:
                yield "x" * 1000
                time.sleep(0.01)
        else:
            for number in range(3): print("piece", number); yield {"number": number}
    finally:
        closed.append(kind)
"""
ASYNC_GENERATOR = GENERATOR.replace("def run(data):", "async def run(data):").replace(
    '    if data == "closed": return closed\n    return pieces(data)\ndef pieces(kind):\n',
    '    kind = data\n    if data == "closed": yield closed; return\n',
)


@pytest.fixture(params=[GENERATOR, ASYNC_GENERATOR], ids=["plain", "async"])
def server(request: pytest.FixtureRequest, serve_source: ServeSource) -> RunningServer:
    return serve_source(request.param).ready()


def test_pieces(server: RunningServer) -> None:
    answer = server.ask(body=b"x", X_Request_Id="the-id")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["number"] for line in answer.body.splitlines()] == [0, 1, 2]
    assert "[the-id] piece 2" in server.log
    wait_for(lambda: "POST /score 200" in server.log, "an access line")
    assert "ms N/A" in server.log
    answer = server.ask(body=b"bytes")
    assert (answer.body, answer.headers["content-type"]) == (b"\0\xff", "application/octet-stream")
    answer = server.ask(body=b"text")
    assert answer.body.decode() == "aé"
    answer = server.ask(body=b"none")
    assert (answer.status, answer.body) == (200, b"")


def test_events(server: RunningServer) -> None:
    answer = server.ask(body=b"x", Accept="text/event-stream")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.body.startswith(b'data: {"number": 0}\n\ndata: {"number": 1}\n\n')
    answer = server.ask(body=b"fails", Accept="text/event-stream")
    assert b"event: error\ndata: " in answer.body


def test_errors(server: RunningServer) -> None:
    answer = server.ask(body=b"first")
    assert (answer.status, answer.headers["x-ms-run-function-failed"]) == (500, "True")
    with pytest.raises(http.client.IncompleteRead):
        server.ask(body=b"fails")
    assert "ValueError: between" in server.log
    assert server.ask("GET", "/").status == 200


def test_a_client_that_leaves_ends_the_generator(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nendless")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    wait_for(lambda: b"endless" in server.ask(body=b"closed").body, "the end of the generator")
    time.sleep(0)
