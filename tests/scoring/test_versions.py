"""Each route and code on HTTP/1.0 and 1.1, with and without keep-alive."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from tests.scoring.conftest import PATIENCE, SCRIPTS, RunningServer, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = """
def init():
    pass


def pieces():
    yield "one"
    yield "two"


def run(x: int):
    return pieces() if x == 2 else 1 / x
"""
_KEY = ("Authorization: Bearer one",)
_JSON = (*_KEY, "Content-Type: application/json")
ASKS = [
    ("GET", "/", (), b"", 200),
    ("HEAD", "/", (), b"", 200),
    ("GET", "/live", (), b"", 200),
    ("GET", "/ready", (), b"", 200),
    ("GET", "/swagger.json?version=3", (), b"", 200),
    ("GET", "/swagger.json?version=9", (), b"", 404),
    ("GET", "/metrics", _KEY, b"", 200),
    ("GET", "/metrics", (), b"", 401),
    ("GET", "/score?x=1", _KEY, b"", 200),
    ("POST", "/score", _JSON, b'{"x": 1}', 200),
    ("POST", "/score", _JSON, b'{"x": 2}', 200),  # a stream
    ("POST", "/score", _JSON, b'{"x": 0}', 500),
    ("POST", "/score", _JSON, b'{"x": "a"}', 400),
    ("POST", "/score", _KEY, b'{"x": 1}', 415),
    ("POST", "/score", _JSON, b" " * 2000, 413),
    ("POST", "/score", ("Authorization: Bearer two",), b"", 401),
    ("POST", "/score", (*_JSON, "x-request-id: " + "i" * 101), b'{"x": 1}', 431),
    ("OPTIONS", "/score", (), b"", 200),
    ("PUT", "/score", (), b"", 405),
    ("GET", "/nowhere", (), b"", 404),
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "score.py").write_text(SCRIPT)
    (folder / "keys.json").write_text(json.dumps({"primary": "one"}))
    options = ("--auth", "key", "--keys-file", str(folder / "keys.json"), "--max-body", "1000")
    server = RunningServer(str(folder / "score.py"), folder, *options).ready()
    yield server
    server.close()


class Wire:
    """A connection of bytes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._stream = self._socket.makefile("rb")

    def ask(
        self, method: str, path: str, fields: tuple[str, ...], body: bytes, *, version: str
    ) -> tuple[int, dict[str, str], bytes]:
        lines = [f"{method} {path} HTTP/{version}", "Host: x", *fields]
        lines += [f"Content-Length: {len(body)}"] if body else []
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        status = int(self._stream.readline().split()[1])
        headers = {}
        while line := self._stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._body(method, headers)

    def _body(self, method: str, headers: dict[str, str]) -> bytes:
        if method == "HEAD":
            return b""
        if headers.get("transfer-encoding") != "chunked":
            length = headers.get("content-length")
            return self._stream.read() if length is None else self._stream.read(int(length))
        body = b""
        while size := int(self._stream.readline(), 16):
            body += self._stream.read(size + 2)[:-2]
        self._stream.readline()
        return body

    @property
    def is_ended(self) -> bool:
        return self._stream.read(1) == b""

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("keeps", [True, False], ids=["keep-alive", "close"])
@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: f"{ask[0]}-{ask[1][:12]}-{ask[4]}")
def test_each_route_and_code(
    guarded: RunningServer,
    ask: tuple[str, str, tuple[str, ...], bytes, int],
    keeps: bool,
    version: str,
) -> None:
    method, path, fields, body, expected = ask
    told = f"Connection: {'keep-alive' if keeps else 'close'}"
    wire = Wire(guarded.port)
    try:
        status, headers, got = wire.ask(method, path, (*fields, told), body, version=version)
        assert status == expected
        assert expected == 431 or "x-request-id" in headers
        is_stream = b'"x": 2' in body
        if is_stream:
            assert got == b"onetwo"
            assert ("transfer-encoding" in headers) == (version == "1.1")
        if keeps and not (is_stream and version == "1.0"):
            again = wire.ask("GET", "/live", (told,), b"", version=version)
            assert again[0] == 200
        else:
            assert wire.is_ended
    finally:
        wire.close()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_not_ready(tmp_path_factory: pytest.TempPathFactory, version: str) -> None:
    folder = tmp_path_factory.mktemp("waits")
    script = str(SCRIPTS / "init_waits_for_file.py")
    server = RunningServer(script, folder, WAIT_FOR=str(folder / "gate")).listening()
    try:
        wait_for(lambda: server.status.get("stage") == "init", "init")
        for path in ("/", "/ready", "/score", "/swagger.json"):
            wire = Wire(server.port)
            for _ in range(2):
                status, headers, _ = wire.ask(
                    "GET", path, ("Connection: keep-alive",), b"", version=version
                )
                assert status == 503
                assert path == "/ready" or headers["retry-after"] == "1"
            wire.close()
    finally:
        server.close()
