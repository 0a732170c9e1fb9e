"""What is read of a service's volume, from an engine that answers as one did for real."""

from __future__ import annotations

import base64
import io
import tarfile
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from docker import DockerClient

from mlmagic.targets.docker.parts import ServiceParts
from tests.engine.serving import Serving

CONTENT = b'{"instance": "448b4542", "generation": 1}'


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("state/serving.json")
        entry.size = len(CONTENT)
        tar.addfile(entry, io.BytesIO(CONTENT))
    return buffer.getvalue()


class CutShort(BaseHTTPRequestHandler):
    """Ends its first archive behind a file's header: the file was just being written."""

    protocol_version = "HTTP/1.1"
    answers = (archive()[:512], archive())
    asked = 0

    def do_GET(self) -> None:
        data = self.answers[min(CutShort.asked, 1)]
        CutShort.asked += 1
        self.send_response(200)
        self.send_header("X-Docker-Container-Path-Stat", base64.b64encode(b"{}").decode())
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_file_that_is_just_being_written_is_read_again() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), CutShort)
    address = f"tcp://127.0.0.1:{server.server_address[1]}"
    with Serving(server), closing(DockerClient(address, version="1.41")) as client:
        parts = ServiceParts(client, "svc", "owner")
        assert parts.read("one", "state") == {"serving.json": CONTENT}
    assert CutShort.asked == 2
