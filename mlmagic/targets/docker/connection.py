"""The engine that a target talks to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from docker import DockerClient


class Connection:
    """A client of the engine of ``DOCKER_HOST`` or of the current context, made when needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: DockerClient | None = None

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
        """The engine's host, where it is another than this machine."""
        return remote_host(self.client)

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
