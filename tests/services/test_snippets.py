"""Code that makes a call, run by the languages themselves where they are there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

import pytest

from mlmagic.services.snippets import LANGUAGES, Call, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What quoting goes wrong with.
BODY = '{"text": "it\'s \\"so\\" $HOME `x` \\\\ {0} %s é 日本\\n",\n\t"n": [1, 2.5]}'


class Seen(BaseHTTPRequestHandler):
    requests: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.requests.append((body, {key.lower(): value for key, value in self.headers.items()}))
        answer = json.dumps({"seen": len(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Seen) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/score"
        server.shutdown()
        thread.join()


# Language to the file its code is written to, and what runs that.
PROGRAMS = {
    "curl": ("call.sh", ["sh", "call.sh"]),
    "Python": ("call.py", [sys.executable, "call.py"]),
    "JavaScript": ("call.mjs", ["node", "call.mjs"]),
    "Go": ("call.go", ["go", "run", "call.go"]),
    "Java": ("Score.java", ["java", "-Dfile.encoding=UTF-8", "Score.java"]),
}


@pytest.mark.parametrize(
    ("language", "wants_key"), [*((each, True) for each in PROGRAMS), ("Go", False)]
)
def test_the_code_makes_the_call(uri: str, language: str, wants_key: bool, tmp_path: Path) -> None:
    file, command = PROGRAMS[language]
    needed = "curl" if language == "curl" else command[0]
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    if language == "Java" and not _compiles_java():
        pytest.skip("a Java compiler is not installed")
    (tmp_path / file).write_text(render(language, Call(uri=uri, body=BODY, wants_key=wants_key)))
    Seen.requests.clear()
    environment = os.environ | {"SERVICE_KEY": "k-123", "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "seen" in done.stdout, done.stderr
    ((body, headers),) = Seen.requests
    assert body == BODY
    assert headers["content-type"] == "application/json"
    assert headers.get("authorization") == ("Bearer k-123" if wants_key else None)


def _compiles_java() -> bool:
    return shutil.which("javac") is not None


def test_csharp_quotes_as_verbatim_text(uri: str) -> None:
    code = render("C#", Call(uri=uri, body='{"a": "b\\n"}', wants_key=True))
    assert 'new StringContent(@"{""a"": ""b\\n""}", Encoding.UTF8)' in code
    assert 'Environment.GetEnvironmentVariable("SERVICE_KEY")' in code


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_placeholder_is_left(language: str) -> None:
    code = render(language, Call(uri="http://127.0.0.1:1/score", body="[1]"))
    assert "${" not in code.replace("${process.env", "")
    assert "SERVICE_KEY" in code
