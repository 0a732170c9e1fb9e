"""Routes, codes, messages and headers."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import PATIENCE, RunningServer

if TYPE_CHECKING:
    from pathlib import Path

Serve = Callable[..., RunningServer]


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = RunningServer("echo", tmp_path_factory.mktemp("echo"), "--max-body", "1000")
    yield server.ready()
    server.close()


def test_health(echo: RunningServer) -> None:
    answer = echo.ask("GET", "/")
    assert (answer.status, answer.body) == (200, b"Healthy")
    head = echo.ask("HEAD", "/")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == "7"


def test_live_and_ready(echo: RunningServer) -> None:
    assert echo.ask("GET", "/live").json == {"live": True, "stage": "ready"}
    assert echo.ask("GET", "/ready").json == {"ready": True, "stage": "ready"}


def test_run_gets_the_raw_text_whatever_its_type(echo: RunningServer) -> None:
    body = '{"data": "é"}'
    answer = echo.ask(body=body.encode(), Content_Type="image/png")
    assert answer.status == 200
    assert answer.json == {"got": body}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-ms-run-function-failed"] == "False"
    assert re.fullmatch(r"\d+\.\d{3}", answer.headers["x-ms-run-fn-exec-ms"])


def test_empty_body(echo: RunningServer) -> None:
    assert echo.ask(body=b"").json == {"got": ""}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "{}"),
        ("a=1&b=x", '{"a": 1, "b": "x"}'),
        ("a=1&a=two", '{"a": [1, "two"]}'),
        ("a=%5B1,2%5D&empty=", '{"a": [1, 2], "empty": ""}'),
    ],
)
def test_query_becomes_a_json_object(echo: RunningServer, query: str, text: str) -> None:
    assert echo.ask("GET", f"/score?{query}").json == {"got": text}


def test_options(echo: RunningServer) -> None:
    answer = echo.ask("OPTIONS")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-ms-run-function-failed"] == "False"


def test_wrong_method_and_path(echo: RunningServer) -> None:
    answer = echo.ask("PUT", body=b"x")
    assert (answer.status, answer.json) == (405, {"message": "Method not allowed"})
    answer = echo.ask("GET", "/nowhere")
    assert answer.status == 404
    assert "'/nowhere'" in answer.json["message"]


def test_bad_utf8(echo: RunningServer) -> None:
    answer = echo.ask(body=b"ab\xff")
    assert answer.status == 400
    assert answer.json["message"].startswith("Input cannot be decoded as UTF-8: 'utf-8' codec")
    assert echo.ask("GET", "/").status == 200


def test_body_limit(echo: RunningServer) -> None:
    assert echo.ask(body=b"x" * 1000).status == 200
    answer = echo.ask(body=b"x" * 1001)
    assert (answer.status, answer.json["message"]) == (413, "The body is larger than 1000 bytes.")


def test_body_limit_without_declared_length(echo: RunningServer) -> None:
    chunk = b"190\r\n" + b"x" * 400 + b"\r\n"
    with socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE) as connection:
        head = b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + chunk * 4 + b"0\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_connection_serves_on_after_a_refused_body(echo: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE) as connection:
        head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % 300_000 + b"x" * 300_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")
        connection.sendall(head % 2 + b"ok")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_not_http(echo: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 400"


A, B, C = "X_Request_Id", "X_Ms_Request_Id", "X_Ms_Client_Request_Id"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({A: "a"}, ("a", "a", None)),
        ({A: "a", B: "b"}, ("a", "b", "b")),
        ({A: "a", C: "c"}, ("a", "c", "c")),
        ({A: "a", B: "b", C: "c"}, ("a", "b", "c")),
    ],
)
def test_request_ids(
    echo: RunningServer, sent: dict[str, str], expected: tuple[str | None, ...]
) -> None:
    answer = echo.ask(body=b"x", **sent)
    assert tuple(answer.headers[name.replace("_", "-")] for name in (A, B, C)) == expected


def test_generated_request_id_and_trace_id(echo: RunningServer) -> None:
    answer = echo.ask("GET", "/nowhere", TraceId="t")
    assert len(answer.headers["x-request-id"]) == 36
    assert answer.headers["x-ms-request-id"] == answer.headers["x-request-id"]
    assert answer.headers["x-ms-client-request-id"] is None
    assert answer.headers["traceid"] == "t"


def test_long_request_id(echo: RunningServer) -> None:
    answer = echo.ask(body=b"x", X_Ms_Request_Id="i" * 101)
    assert answer.status == 431
    assert "x-ms-request-id" in answer.json["message"]


def test_request_headers(serve: Serve) -> None:
    answer = serve("echo_headers").ready().ask(body=b"x", X_My_Header="1")
    assert answer.json["X-My-Header"] == "1"


def test_exception_in_run(serve: Serve) -> None:
    server = serve("run_raises").ready()
    answer = server.ask(body=b"0", X_Request_Id="the-id")
    assert answer.status == 500
    assert answer.json["message"].startswith("An unexpected error occurred in scoring script.")
    assert answer.headers["x-ms-run-function-failed"] == "True"
    assert answer.headers["x-ms-run-fn-exec-ms"] is None
    assert server.ask(body=b"2").json == 0.5
    assert "ZeroDivisionError: division by zero" in server.log
    assert "the-id" in server.log
    assert "execution.py" not in server.log


def test_exit_in_run(serve: Serve) -> None:
    server = serve("run_exits").ready()
    assert server.ask(body=b"x").status == 500
    assert server.ask("GET", "/").status == 200


def test_unserialisable_value(serve: Serve) -> None:
    answer = serve("run_returns_unserialisable").ready().ask(body=b"x")
    assert answer.status == 500
    assert answer.json["message"].startswith("An unexpected internal error occurred.")


def test_scoring_timeout(serve: Serve) -> None:
    server = serve("run_loops", "--scoring-timeout-ms", "1000", "--threads", "1").ready()
    answer = server.ask(body=b"loop")
    assert (answer.status, answer.json) == (500, {"message": "Scoring timeout after 1000 ms"})
    assert answer.headers["x-ms-run-function-failed"] == "True"
    assert server.ask(body=b"x").json == "done"  # the thread is free again


def test_print_becomes_log_lines_with_the_id(serve: Serve) -> None:
    server = serve("run_prints").ready()
    server.ask(body=b"x", X_Request_Id="the-id")
    server.ask("GET", "/")
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} I \[\d+\] "
    for line in (
        "azmlinfsrv.print - printed in init",
        r"azmlinfsrv.print - \[the-id\] printed in run",
        r"azmlinfsrv.print - \[the-id\] no line end",
        r"azmlinfsrv - POST /score 200 \d+\.\d{3}ms 2",
    ):
        assert re.search(f"^{stamp}{line}$", server.log, re.MULTILINE), line
    assert "GET /" not in server.log


def test_one_thread_for_init_and_run(serve: Serve) -> None:
    server = serve("run_tells_thread", "--threads", "1").ready()
    assert all(server.ask(body=b"x").json for _ in range(3))


def test_keys(serve: Serve, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"primary": "one", "secondary": "two"}')
    server = serve("echo", "--auth", "key", "--keys-file", str(keys)).ready()
    assert server.ask("GET", "/").status == 200
    refused = server.ask(body=b"x")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert server.ask(body=b"x", Authorization="Basic b25l").status == 401
    assert server.ask(body=b"x", Authorization="Bearer three").status == 401
    assert server.ask(body=b"x", Authorization="Bearer one").status == 200
    assert server.ask(body=b"x", Authorization="bearer two").status == 200
    keys.write_text('{"primary": "three", "secondary": "two"}')
    assert server.ask(body=b"x", Authorization="Bearer one").status == 401
    assert server.ask(body=b"x", Authorization="Bearer three").status == 200
    keys.write_text("damaged")
    assert server.ask(body=b"x", Authorization="Bearer three").status == 200
    assert "three" not in server.log
