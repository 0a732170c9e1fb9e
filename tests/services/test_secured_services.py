"""Services behind TLS: whose certificates are trusted with a key."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from mlmagic.errors import ServiceUnavailableError
from mlmagic.services.scoring_requests import JSON_TYPE, post
from tests.certificates import self_signed
from tests.engine.proxy import NAME, Proxy
from tests.engine.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def serving(folder: Path, host: str) -> Iterator[tuple[int, list[str], str]]:
    """Serve behind TLS on loopback; tells the port, the keys it was given, and its authority."""
    given: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given.append(self.headers["Authorization"])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"[1]")

        def log_message(self, *_: object) -> None:
            pass

    context, certificate = self_signed(folder, host)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with Serving(server):
        yield server.server_port, given, str(certificate)


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, list[str]]]:
    """A server behind TLS on loopback, whose authority is named; told what keys it was given."""
    with serving(tmp_path, "localhost") as (port, given, authority):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
        yield port, given


def test_a_key_goes_by_tls_where_the_address_says_so(
    secured: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, given = secured
    uri = f"https://localhost:{port}/score"
    answer = post(uri, b"[1]", JSON_TYPE, key="the-key", timeout=5)
    assert (answer.status, answer.body, given) == (200, b"[1]", ["Bearer the-key"])
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(ServiceUnavailableError, match="is not trusted: self-signed") as caught:
        post(uri, b"[1]", JSON_TYPE, key="the-key", timeout=5)
    assert "REQUESTS_CA_BUNDLE" in (caught.value.hint or "")
    assert given == ["Bearer the-key"]


def test_a_bundle_counts_beside_the_system_and_is_read_again_where_it_changed(
    secured: tuple[int, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"https://localhost:{secured[0]}/score"
    bundle = tmp_path / "bundle.crt"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    shutil.copy(DEFAULT_CA_BUNDLE_PATH, bundle)
    with pytest.raises(ServiceUnavailableError, match="is not trusted"):
        post(uri, b"[1]", JSON_TYPE, key=None, timeout=5)
    shutil.copy(tmp_path / "localhost.crt", bundle)
    assert post(uri, b"[1]", JSON_TYPE, key=None, timeout=5).status == 200
    shutil.copy(DEFAULT_CA_BUNDLE_PATH, bundle)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.crt"))
    assert post(uri, b"[1]", JSON_TYPE, key=None, timeout=5).status == 200


def test_tls_goes_through_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with serving(tmp_path, NAME) as (port, given, authority), Proxy() as proxy:
        uri = f"https://{NAME}:{port}/score"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//ann:hush@"))
        assert post(uri, b"[1]", JSON_TYPE, key="the-key", timeout=5).body == b"[1]"
        assert (given, len(proxy.asked)) == (["Bearer the-key"], 1)
        # The proxy sees where it leads, not what is said.
        assert proxy.asked[0].startswith(f"CONNECT {NAME}:{port} ")
        monkeypatch.setenv("NO_PROXY", f"other.test,{NAME}")
        with pytest.raises(ServiceUnavailableError, match="cannot be reached"):
            post(uri, b"[1]", JSON_TYPE, key="the-key", timeout=5)  # nobody knows the name
        monkeypatch.delenv("NO_PROXY")
        with pytest.raises(ServiceUnavailableError, match="is not trusted"):
            post(f"https://localhost:{port}", b"[1]", JSON_TYPE, key="the-key", timeout=5)
        assert len(proxy.asked) == 1


@pytest.mark.parametrize("port", ["bad", "99999"])
def test_a_proxy_whose_port_is_none_is_told(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://ann:hush@127.0.0.1:{port}")
    words = rf"the proxy 'http://127\.0\.0\.1:{port}' in the way has no port that is one"
    with pytest.raises(ServiceUnavailableError, match=words):
        post(f"https://{NAME}/score", b"[1]", JSON_TYPE, key="the-key", timeout=5)


def test_a_proxy_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:hush@127.0.0.1:9")
    words = r"the proxy 'http://127\.0\.0\.1:9' in the way says: .*refused"
    with pytest.raises(ServiceUnavailableError, match=words):
        post(f"https://{NAME}/score", b"[1]", JSON_TYPE, key="the-key", timeout=5)
