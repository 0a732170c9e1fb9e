"""The socket that a server listens on."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from mlmagic.scoring.failure import StartFailure

if TYPE_CHECKING:
    from mlmagic.scoring.settings import Settings

BACKLOG = 2048


def listen(settings: Settings) -> socket.socket:
    """Open the listening socket, or take over the inherited one.

    Raises:
        StartFailure: The port is in use or the address is not of this machine.
    """
    if settings.fd is not None:
        return socket.socket(fileno=settings.fd)
    return open_listener(settings.address, settings.port)


def open_listener(address: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        StartFailure: The port is in use or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{address}:{port}"
        message = f"Cannot listen on '{where}': {error.strerror}. Choose another port."
        raise StartFailure("PortInUse", message) from error
    return listener


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
