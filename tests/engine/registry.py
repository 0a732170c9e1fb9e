"""A real container registry (Debian's docker-registry) on a free port of loopback."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import yaml

from tests.engine.proxy import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROGRAM = "docker-registry"
USER, PASSWORD = "somebody", "a password: with colon"


class Registry:
    """One registry process with its own storage.

    Args:
        directory: Where its configuration, log and blobs lie.
        htpasswd: Whether it asks for ``USER`` and ``PASSWORD``.
        certificate: Folder with ``server.crt`` and ``server.key`` for TLS; None is plain HTTP.
        settings: Further parts of its configuration.
    """

    def __init__(
        self,
        directory: Path,
        *,
        htpasswd: bool = False,
        certificate: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.address = f"localhost:{self.port}"
        http: dict[str, Any] = {"addr": f"127.0.0.1:{self.port}"}
        if certificate is not None:
            http["tls"] = {
                "certificate": str(certificate / "server.crt"),
                "key": str(certificate / "server.key"),
            }
        content: dict[str, Any] = {
            "version": 0.1,
            "log": {"accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(directory / "storage")},
                "delete": {"enabled": True},
            },
            "http": http,
            **(settings or {}),
        }
        if htpasswd:
            file = directory / "htpasswd"
            subprocess.run(["htpasswd", "-Bbc", file, USER, PASSWORD], check=True, timeout=30)
            content["auth"] = {"htpasswd": {"realm": "tests", "path": str(file)}}
        (directory / "registry.yml").write_text(yaml.safe_dump(content))
        self.log = directory / "registry.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Registry:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "serve", self.directory / "registry.yml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        for _ in range(2400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the registry did not start:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it at once; its storage stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def requests(self, method: str = "") -> list[str]:
        """Return what it was asked: ``METHOD /path STATUS``, as its access log tells."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            parts = line.split('"')
            if len(parts) > 2 and " HTTP/" in parts[1] and parts[1].startswith(method):
                found.append(f"{parts[1].rpartition(' ')[0]} {parts[2].split()[0]}")
        return found


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(directory: Path) -> Path:
    """Make a CA of our own (``ca.crt``) and a certificate by it: localhost, and a proxy's name."""
    directory.mkdir(parents=True, exist_ok=True)
    names = f"DNS:localhost,DNS:{NAME},IP:127.0.0.1"
    (directory / "server.ext").write_text(f"subjectAltName={names}\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for command in (
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test CA"],
        ["req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost"],
        [
            *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-out", "server.crt", "-extfile", "server.ext"),
        ],
    ):
        subprocess.run(
            ["openssl", *command], cwd=directory, check=True, capture_output=True, timeout=60
        )
    return directory


def is_installed() -> bool:
    """Whether the registry and what it is set up with are here."""
    return all(shutil.which(name) for name in (PROGRAM, "htpasswd", "openssl"))
