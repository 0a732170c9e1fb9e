"""What gives out bearer tokens for a registry, as Docker Hub, GitHub and the clouds do.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.engine.registry import PASSWORD, USER
from tests.engine.serving import Serving

if TYPE_CHECKING:
    from pathlib import Path

_SERVICE, _ISSUER = "test registry", "test tokens"


class TokenServer(Serving):
    """A token server on a free port of loopback.

    Args:
        directory: Where its key and certificate lie.

    Attributes:
        scopes: What each token was asked for, in order.
        identity: The identity token that it takes in place of a password.
    """

    def __init__(self, directory: Path) -> None:
        self._key, self._certificate = directory / "token.key", directory / "token.crt"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += [
            "-keyout",
            str(self._key),
            "-out",
            str(self._certificate),
            "-subj",
            "/CN=tokens",
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        self.scopes: list[list[str]] = []
        self.identity = uuid.uuid4().hex
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)))

    @property
    def settings(self) -> dict[str, Any]:
        """The part of a registry's configuration that sends clients here."""
        token = {
            "realm": f"http://127.0.0.1:{self._server.server_address[1]}/token",
            "service": _SERVICE,
            "issuer": _ISSUER,
            "rootcertbundle": str(self._certificate),
        }
        return {"auth": {"token": token}}

    def token(self, scopes: list[str]) -> str:
        """Sign a token for ``repository:NAME:ACTIONS`` each."""
        self.scopes.append(scopes)
        now = int(time.time())
        parts = [scope.split(":") for scope in scopes]
        claims = {
            "iss": _ISSUER,
            "aud": _SERVICE,
            "sub": USER,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "access": [
                {"type": kind, "name": name, "actions": actions.split(",")}
                for kind, name, actions in parts
            ],
        }
        lines = self._certificate.read_text().splitlines()
        header = {"alg": "RS256", "typ": "JWT", "x5c": ["".join(lines[1:-1])]}
        text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        command = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        signed = subprocess.run(
            command, input=text.encode(), check=True, capture_output=True, timeout=60
        )
        return f"{text}.{_encoded(signed.stdout)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _handler(tokens: TokenServer) -> type[BaseHTTPRequestHandler]:
    known = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Basic {known}":
                self.send_error(HTTPStatus.UNAUTHORIZED)
                return
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            self._answer({"token": tokens.token(scopes)})

        def do_POST(self) -> None:
            """See https://distribution.github.io/distribution/spec/auth/oauth/."""
            fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if fields["refresh_token"] != [tokens.identity]:
                self.send_error(HTTPStatus.UNAUTHORIZED)
                return
            assert fields["grant_type"] == ["refresh_token"]
            assert fields["service"] == [_SERVICE]
            self._answer({"access_token": tokens.token(fields["scope"][0].split())})

        def _answer(self, content: dict[str, str]) -> None:
            body = json.dumps(content).encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    return Handler
