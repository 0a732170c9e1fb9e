"""An engine that ssh leads to: its socket is forwarded to one here, by the user's own ssh.

The client of Docker can do without, but starts one ssh for each of its connections and ends none.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docker.errors import DockerException

from mlmagic.addresses import without_secrets
from mlmagic.errors import ConfigurationError, TargetUnavailableError
from mlmagic.images.secured import SecuredClient

_SOCKET = "/var/run/docker.sock"
_LOOK_SECONDS = 0.05
_KEEP_ALIVE = "ServerAliveInterval=15"


class TunnelledClient(SecuredClient):
    """A client that has a tunnel of its own, and closes it with itself.

    Args:
        address: ``ssh://[USER@]HOST[:PORT][/PATH/OF/THE/SOCKET]``, as in ``DOCKER_HOST``.
        timeout: How long ssh may take to connect, in seconds.
        **options: Further ones of the client.

    Attributes:
        host: The engine's host.

    Raises:
        ConfigurationError: The address has no host, or there is no ssh on this machine.
        TargetUnavailableError: ssh does not get there, which its own words in the message tell;
            or no engine listens there.
    """

    def __init__(self, address: str, *, timeout: float = 60, **options: Any) -> None:
        address = without_secrets(address)  # ssh takes no password of it
        place = urlsplit(address)
        if not place.hostname:
            raise ConfigurationError(
                f"The engine's address '{address}' names no host.",
                hint="Write it as ssh://USER@HOST.",
            )
        self.host = place.hostname
        self._folder = Path(tempfile.mkdtemp(prefix="mlmagic-ssh-"))
        try:
            self._process = self._start(address, timeout)
            super().__init__(
                base_url=f"unix://{self._folder}/engine", timeout=int(timeout), **options
            )
        except DockerException as error:
            self._end()
            raise TargetUnavailableError(
                f"No engine answers at '{place.path or _SOCKET}' of the host '{self.host}': "
                f"{error}.",
                hint="Start it there, or name its socket: a rootless one's is such as "
                f"ssh://{place.netloc}/run/user/1000/docker.sock.",
            ) from error
        except BaseException:
            self._end()
            raise

    @property
    def is_cut(self) -> bool:
        """Whether the tunnel has ended, as it does when the engine's host goes away."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Close the connections and the tunnel."""
        super().close()
        self._end()

    def _start(self, address: str, timeout: float) -> subprocess.Popen[bytes]:
        place = urlsplit(address)
        program = shutil.which("ssh")
        if program is None:
            raise ConfigurationError(
                f"The engine '{address}' is reached by ssh, which this machine lacks.",
                hint="Install an ssh client.",
            )
        local = self._folder / "engine"
        command = [program, "-T", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"]
        command += ["-o", _KEEP_ALIVE, "-L", f"{local}:{place.path or _SOCKET}"]
        command += ["-l", place.username] if place.username else []
        command += ["-p", str(place.port)] if place.port else []
        # It reads until we close, or are gone: then ssh ends too.
        command += ["--", str(place.hostname), "cat >/dev/null"]
        log = self._folder / "log"
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        until = time.monotonic() + timeout
        while not _accepts(local):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > until:
                why = log.read_text(errors="replace").strip() if ended else "it takes too long"
                raise TargetUnavailableError(
                    f"The engine '{address}' is not reached by ssh: {why}",
                    hint=f"Try it: ssh {place.netloc} docker version.",
                )
            time.sleep(_LOOK_SECONDS)
        return self._process

    def _end(self) -> None:
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if process is not None:
            process.terminate()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _accepts(local: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as door, contextlib.suppress(OSError):
        door.connect(str(local))
        return True
    return False
