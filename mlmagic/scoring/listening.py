"""The socket that a server listens on."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.failure import StartFailure

if TYPE_CHECKING:
    from mlmagic.scoring.settings import Settings

BACKLOG = 2048
ALL, _ALL_IPV4 = "::", "0.0.0.0"  # noqa: S104 - whoever starts a server chooses
_MAPPED = "::ffff:"  # a client of IPv4 at a socket for both


def listen(settings: Settings) -> socket.socket:
    """Open the listening socket, or take over the inherited one.

    Raises:
        StartFailure: The port is in use or the address is not of this machine.
    """
    if settings.fd is not None:
        return socket.socket(fileno=settings.fd)
    return open_listener(settings.address, settings.port)


def open_listener(address: str, port: int) -> socket.socket:
    """Open a listening socket; ``::`` is all addresses, of IPv4 and, where there is any, IPv6.

    Raises:
        StartFailure: The port is in use or the address is not of this machine.
    """
    address = reachable(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        share(listener, address)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{address}:{port}"
        message = f"Cannot listen on '{where}': {error.strerror}. Choose another port."
        raise StartFailure("PortInUse", message) from error
    return listener


def reachable(address: str) -> str:
    """Return an address, all of IPv4 in place of all of both where a machine has no IPv6."""
    return _ALL_IPV4 if address == ALL and not socket.has_dualstack_ipv6() else address


def share(listener: socket.socket, address: str) -> None:
    """Let a socket that will be bound to all addresses of IPv6 have those of IPv4 too."""
    if address == ALL:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def in_uri(address: str) -> str:
    """Return an address as it stands in a URI."""
    return f"[{address}]" if ":" in address else address


def plain_end(end: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """Return one end of a connection, an address of IPv4 as such whatever socket it came by."""
    if not end or not str(end[0]).startswith(_MAPPED):
        return end
    return (end[0].removeprefix(_MAPPED), *end[1:2])


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
