"""An engine for one test alone, which may be killed, filled and starved."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from docker import DockerClient


class PrivateEngine:
    """A dockerd with its own socket, storage and containerd.

    Args:
        directory: Its state. Keep it short: a socket's path has 108 characters at most.
        options: Further options of dockerd.
        network: Whether containers have a network, and publish ports on this machine.
        programs: Folder of other programs than the machine's, dockerd among them.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        network: bool = False,
        programs: Path | None = None,
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.url = f"unix://{directory}/docker.sock"
        self.options = options
        self.log = directory / "dockerd.log"
        search = [str(programs)] if programs else []
        self._path = os.pathsep.join([*search, os.environ["PATH"]])
        self._clients: list[DockerClient] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._bridge = f"mlm{secrets.token_hex(4)}" if network else None
        if self._bridge is not None:
            third, last = secrets.randbelow(256), 16 * secrets.randbelow(16) + 1
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("address", "add", f"10.243.{third}.{last}/28", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")

    def start(self) -> PrivateEngine:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    # In a network namespace of its own: an engine without a bridge takes the
                    # bridge of the machine's engine away.
                    *(() if self._bridge else ("unshare", "--net")),
                    *(
                        shutil.which("dockerd", path=self._path) or "dockerd",
                        "--host",
                        self.url,
                        "--iptables=false",
                    ),
                    *("--bridge", self._bridge or "none"),
                    *("--data-root", self.directory / "data"),
                    *("--exec-root", self.directory / "exec"),
                    *("--pidfile", self.directory / "dockerd.pid"),
                    *self.options,
                ],
                env={**os.environ, "PATH": self._path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(1200):
            with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
                probe.connect(f"{self.directory}/docker.sock")
                self.client().ping()
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"dockerd did not start:\n{self.log.read_text()[-3000:]}")

    def client(self) -> DockerClient:
        """Return a client of it, which is closed with the engine."""
        client = DockerClient(self.url)
        self._clients.append(client)
        return client

    def kill(self) -> None:
        """End it as a power cut does: without a word to its clients or its containerd."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
            self._end_containerd()
            for stale in ("dockerd.pid", "exec/containerd/containerd.pid"):
                (self.directory / stale).unlink(missing_ok=True)

    def kill_as_it_takes_an_image(self) -> None:
        """Kill it as soon as the first bytes lie in its folder for images on their way."""
        while not list(self.directory.glob("data/tmp/docker-import-*")):
            time.sleep(0.001)
        self.kill()

    def cut_power(self) -> None:
        """End it with all of its containers, and forget what a reboot forgets."""
        running = [each.attrs["State"]["Pid"] for each in self.client().containers.list()]
        running = [each for each in running if each]  # 0 has none now, and would mean ourselves
        self.kill()
        for process in running:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for place in reversed(mounts):
            if place.startswith(f"{self.directory}/"):
                subprocess.run(["umount", "--lazy", place], check=True, timeout=30)
        shutil.rmtree(self.directory / "exec")

    def stop(self) -> None:
        """End it in an orderly way, with its containers and its containerd."""
        for client in self._clients:
            client.close()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None
        self._end_containerd()
        if self._bridge is not None:
            _ip("link", "delete", self._bridge)
            self._bridge = None

    def _end_containerd(self) -> None:
        """End what a killed dockerd has left running."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(self.directory) in command and "containerd" in command.split("\0")[0]:
                os.kill(int(entry.name), signal.SIGKILL)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=30)
