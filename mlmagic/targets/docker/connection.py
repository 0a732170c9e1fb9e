"""The engine that a target talks to."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from docker import DockerClient

# Engines mount these files into their containers, from folders with the containers' ids:
# https://docs.kernel.org/filesystems/proc.html#proc-pid-mountinfo-information-about-mounts
_MOUNTED = re.compile(r"/(?P<id>[0-9a-f]{64})/\S* /etc/(?:hostname|hosts|resolv\.conf) ")


class Connection:
    """A client of the engine of ``DOCKER_HOST`` or of the current context, made when needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: DockerClient | None = None
        self._host: tuple[DockerClient, str | None] | None = None

    @property
    def client(self) -> DockerClient:
        """The client; where its tunnel was cut, another.

        Raises:
            TargetUnavailableError: No engine answers, or it may not be used.
        """
        from mlmagic.images import connect
        from mlmagic.images.connecting import knock
        from mlmagic.images.tunnel import TunnelledClient

        with self._lock:
            if isinstance(self._client, TunnelledClient) and self._client.is_cut:
                self._client.close()
                self._client = None
            if self._client is None:
                self._client = connect()
            else:
                knock(self._client)
            return self._client

    @property
    def host(self) -> str | None:
        """The engine's host, seen from here; None where it is this machine.

        Empty where we are in a container of the engine that has no way to the host.
        """
        client = self.client
        if self._host is not None and self._host[0] is client:
            return self._host[1]
        host = remote_host(client) or _gateway(client)
        if host != "":  # a network may be given to the container yet
            self._host = (client, host)
        return host

    def close(self) -> None:
        """Close the client, where there is one."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


def remote_host(client: DockerClient) -> str | None:
    """Return the host of an engine that is not on this machine."""
    from mlmagic.images.tunnel import TunnelledClient

    if isinstance(client, TunnelledClient):
        return _unless_here(client.host)
    place = urlsplit(str(client.api.base_url))
    return None if place.scheme == "http+docker" else _unless_here(place.hostname)


def _unless_here(host: str | None) -> str | None:
    return None if host in (None, "localhost", "127.0.0.1", "::1") else host


def _gateway(client: DockerClient) -> str | None:
    """Return the engine's host where this process is in a container of the engine, else None.

    A container has a loopback of its own: what the host's publishes is not there. One that shares
    the network of another has that one's files mounted, and so is taken for it.
    """
    from docker.errors import NotFound

    try:
        mounted = Path("/proc/self/mountinfo").read_text()
    except OSError:  # not Linux, so in no container
        return None
    for known in dict.fromkeys(_MOUNTED.findall(mounted)):
        with suppress(NotFound):  # a container of another engine, in which this one runs
            container = client.api.inspect_container(known)
            if container["HostConfig"]["NetworkMode"] == "host":
                return None
            networks = container["NetworkSettings"]["Networks"].values()
            return next((each["Gateway"] for each in networks if each["Gateway"]), "")
    return None
