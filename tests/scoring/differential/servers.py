"""azmlinfsrv and ours, started on the same script."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.scoring.differential.environments import AZMLINFSRV, environment, island

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60.0
# What belongs to the connection, or names the program.
_OF_THE_CONNECTION = frozenset({"server", "date", "connection", "keep-alive", "transfer-encoding"})
_NUMBER = re.compile(r"\d+\.\d{3}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Command = list[str]


@dataclass(frozen=True)
class Ask:
    """One request.

    Attributes:
        headers: Sent as they are, repeated ones too.
    """

    body: bytes | None = b""
    method: str = "POST"
    path: str = "/score"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    def __str__(self) -> str:
        told = (self.body or b"")[:40].decode("ascii", "backslashreplace")
        return f"{self.method} {self.path} {told}"[:70]


@dataclass(frozen=True)
class Told:
    """What a server answered, without what is of the moment."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...]


@dataclass
class Server:
    """A server of a script."""

    command: Command
    folder: Path
    variables: dict[str, str]
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> Server:
        """Start, and wait until it is healthy."""
        self.launch()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            if self._is_healthy():
                return self
            time.sleep(0.05)
        raise AssertionError(f"it did not start: {self.log.read_text()}")

    def launch(self) -> Server:
        """Start."""
        self.port = free_port()
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.log.parent)}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*self.command, "--port", str(self.port)],
                cwd=self.folder,
                env=clean | self.variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def _is_healthy(self) -> bool:
        try:
            return self.ask(Ask(None, "GET", "/", ())).status == 200
        except OSError:
            return False

    def ask(self, request: Ask) -> Told:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(request.method, request.path, skip_accept_encoding=True)
            for name, value in request.headers:
                connection.putheader(name, value)
            if request.body is not None:
                connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            return _told(response, response.read())
        finally:
            connection.close()

    def exit_code(self) -> int:
        """Wait for the end of a server that does not start."""
        assert self.process is not None
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.stop()

    def stop(self) -> None:
        """End it and all that it started."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _told(response: http.client.HTTPResponse, body: bytes) -> Told:
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = body
    headers = sorted(
        (name.lower(), _steady(name.lower(), value))
        for name, value in response.getheaders()
        if name.lower() not in _OF_THE_CONNECTION
    )
    return Told(response.status, told, tuple(headers))


def _steady(name: str, value: str) -> str:
    if name == "x-ms-server-version":
        return "a version"
    if name == "allow":  # azmlinfsrv's order changes from start to start
        return ", ".join(sorted(value.split(", ")))
    if _NUMBER.fullmatch(value):
        return "a number"
    return "an id of the server's" if _UUID.fullmatch(value) else value


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@cache
def home() -> Path:
    """Return the environment of both servers."""
    return environment(AZMLINFSRV)


@cache
def _island() -> Path:
    return island()


@dataclass
class Pair:
    """Both servers of one script."""

    theirs: Server
    ours: Server

    def start(self) -> Pair:
        """Start both at the same time."""
        self.theirs.launch()
        self.ours.start()
        until = time.monotonic() + PATIENCE
        while not self.theirs._is_healthy():
            assert time.monotonic() < until, self.theirs.log.read_text()
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End both."""
        self.theirs.stop()
        self.ours.stop()


def pair(folder: Path, logs: Path, options: list[str], variables: dict[str, str]) -> Pair:
    """Make both servers of a folder; they are not started."""
    bin_ = home() / "bin"
    theirs = Server([str(bin_ / "azmlinfsrv"), *options], folder, variables, logs / "theirs.log")
    command = [str(bin_ / "python"), "-m", "mlmagic.scoring", "--compat", "azmlinfsrv", *options]
    command += ["--address", "127.0.0.1"]
    island_ = {"PYTHONPATH": str(_island())}
    return Pair(theirs, Server(command, folder, variables | island_, logs / "ours.log"))
