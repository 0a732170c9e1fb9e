"""Credentials are for the registry and whom it asks for tokens, and for nobody else."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from requests.auth import HTTPBasicAuth

from mlmagic.errors import ImagePushError
from mlmagic.images import Reference
from mlmagic.images.client import RegistryClient
from mlmagic.images.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHOWN = "Basic " + base64.b64encode(b"ann:secret").decode()


@contextmanager
def server(
    answer: Callable[[str, str], tuple[int, dict[str, str], str]],
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Answer by path and what was shown; gives the address, and what came: paths, and that."""
    came: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            path, shown = self.path, self.headers.get("Authorization", "")
            came.append((path, shown))
            status, headers, body = answer(path, shown)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = do_POST  # noqa: N815 - so they are found

        def log_message(self, *_arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", came
        finally:
            http.shutdown()
            thread.join()


@pytest.mark.parametrize("by_token", [True, False])
def test_storage_elsewhere_gets_to_see_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_token: bool
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    right = "Bearer of-tokens" if by_token else SHOWN

    def registry(path: str, shown: str) -> tuple[int, dict[str, str], str]:
        if shown != right:
            bearer = f'Bearer realm="{tokens}/token?of=us",service="here",scope="repository:x:pull"'
            return 401, {"WWW-Authenticate": bearer if by_token else 'Basic realm="here"'}, ""
        if path.endswith("/uploads/"):
            return 202, {"Location": f"{storage}/upload"}, ""
        return 200, {}, "{}"

    given = json.dumps({"access_token": "of-tokens"})
    with (
        server(lambda _path, _shown: (200, {}, given)) as (tokens, asked),
        server(lambda _path, _shown: (201, {}, "")) as (storage, stored),
        server(registry) as (address, came),
        RegistryClient(
            Reference.parse(f"{address}/svc"),
            ImagePushError,
            "pull,push",
            credentials=Credentials(HTTPBasicAuth("ann", "secret")),
        ) as client,
    ):
        place = client.request("POST", "blobs/uploads/").headers["Location"]
        client.request("PUT", place, data=b"layer")
        client.allow_pull("other")
        client.request("GET", "manifests/1")
    assert stored == [("/upload", "")]
    assert [shown for _, shown in came][:2] == ["", right]
    assert came[-1] == ("/v2/svc/manifests/1", right)
    if by_token:
        mine, both = (path for path, _ in asked)
        assert {shown for _, shown in asked} == {SHOWN}
        assert "of=us" in mine
        assert "service=here" in mine
        assert "scope=repository%3Asvc%3Apull%2Cpush" in mine
        assert both.count("scope=") == 2
