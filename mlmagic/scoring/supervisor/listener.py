"""The listening socket: opened once, inherited by every worker of every generation."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from mlmagic.scoring.listening import reachable, share
from mlmagic.scoring.supervisor.failure import Failure, FailureError

_BACKLOG = 2048
_PAUSE = 0.1


@dataclass(frozen=True)
class Listener:
    """An open socket and where it listens."""

    socket: socket.socket
    address: str
    port: int

    def serves(self, address: str, port: int) -> bool:
        """Whether it is what is asked for; port 0 asks for any."""
        return address == self.address and port in (0, self.port)


def open_listener(address: str, port: int, *, patience: float = 0) -> Listener:
    """Open a socket.

    Args:
        address: Interface, as an address or a name.
        port: 0 lets the kernel choose.
        patience: Seconds to wait for workers of a supervisor that was killed.

    Raises:
        FailureError: ``PortInUse``, or ``ConfigurationError`` for an address that is not ours.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return _open(address, port)
        except OSError as error:
            if time.monotonic() < until:
                time.sleep(_PAUSE)
                continue
            reason = "ConfigurationError" if isinstance(error, socket.gaierror) else "PortInUse"
            message = f"Cannot listen on '{address}:{port}': {error.strerror}."
            raise FailureError(Failure(reason, message)) from error


def _open(address: str, port: int) -> Listener:
    told = reachable(address)
    found = socket.getaddrinfo(told, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, where = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        share(listener, told)
        listener.bind(where)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return Listener(listener, address, listener.getsockname()[1])
