"""A port of this machine that leads to the pods of a service, over the API server."""

from __future__ import annotations

import contextlib
import itertools
import logging
import selectors
import socket
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from mlmagic.errors import TargetError
from mlmagic.images.places import PORT
from mlmagic.targets.kubernetes.faults import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlmagic.targets.kubernetes.connection import Connection

_logger = logging.getLogger(__name__)
_CHUNK = 1 << 16
_CLOSE = 8  # of the WebSocket protocol
_BACKLOG = 128
# How long a client is kept that comes while no pod is ready, as one under load is not for a moment.
_KEPT_SECONDS, _PAUSE_SECONDS = 30.0, 0.2
GRACE_SECONDS = 120.0
"""How long a port stays that no handle needs any more: an address may be asked for by a handle that
is not kept, and used a moment later."""
_LOOKS = 8  # during that time


class Forwarder:
    """Listens on a port of 127.0.0.1 and leads each connection to a pod that is ready.

    The pod is chosen anew for every connection, so that the port outlives pods, updates, and a
    stop with a later start. A client that comes while none can be reached waits for one, half a
    minute at most: nothing of its request was sent.

    It ends with `close`, with the last holder that gives it back, and by itself a while after the
    last holder was collected and nothing is carried any more.

    Args:
        connection: To the cluster.
        ready: Returns the names of the pods that take requests now.
        port: Taken where it is free; any other else.
        grace: Seconds without a holder and a connection until it ends.

    Attributes:
        port: The port of this machine.
    """

    def __init__(
        self,
        connection: Connection,
        ready: Callable[[], list[str]],
        *,
        port: int = 0,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._connection = connection
        self._ready = ready
        self._grace = grace
        self._turn = itertools.count()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        # Weak, as nothing that takes a lock may be called while objects are collected.
        self._holders: WeakSet[object] = WeakSet()
        self._carried = 0
        self._needed = time.monotonic()
        self._listener = _listen(port)
        self._listener.settimeout(grace / _LOOKS)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(
            target=self._accept, name=f"mlmagic-forward-{self.port}", daemon=True
        ).start()

    def hold(self, holders: Iterable[object]) -> bool:
        """Keep the port for as long as any of these lives; False where it is closed already."""
        with self._lock:
            self._holders.update(holders)
            self._needed = time.monotonic()
            return not self._closed.is_set()

    def release(self, holder: object) -> None:
        """Close the port where nobody else holds it."""
        with self._lock:
            self._holders.discard(holder)
            if self._holders:
                return
            self._closed.set()
        self.close()

    def close(self) -> None:
        """Listen no more; connections that are open end by themselves."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        try:
            while not self._is_over():
                with contextlib.suppress(TimeoutError):
                    client, _ = self._listener.accept()
                    self._count(1)
                    threading.Thread(
                        target=self._serve, args=(client,), name="mlmagic-forwarded", daemon=True
                    ).start()
        except OSError as error:
            _logger.debug("Port %s is not listened at any more: %s", self.port, error)
        finally:
            self.close()

    def _is_over(self) -> bool:
        """Whether nobody needs the port; then nobody can hold it from now on."""
        with self._lock:
            now = time.monotonic()
            if self._holders or self._carried:
                self._needed = now
            if now - self._needed > self._grace:
                self._closed.set()
            return self._closed.is_set()

    def _count(self, more: int) -> None:
        with self._lock:
            self._carried += more
            self._needed = time.monotonic()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                channel = self._open()
                if channel is not None:
                    carry(client, channel)
        finally:
            self._count(-1)

    def _open(self) -> Any:
        """Return a channel to a pod; None where none can be reached."""
        until = time.monotonic() + _KEPT_SECONDS
        renew = True
        while True:
            try:
                if pods := self._ready():
                    pod = pods[next(self._turn) % len(pods)]
                    first, renew = renew, False
                    return open_channel(self._connection, pod, renew=first)
            except (PermissionError, ForbiddenError) as error:
                _logger.debug("Ports may not be forwarded: %s", error)
                return None
            except (OSError, TargetError) as error:
                _logger.debug("No pod can be reached: %s", error)
            if time.monotonic() > until or self._closed.wait(_PAUSE_SECONDS):
                return None


def _listen(port: int) -> socket.socket:
    """Listen at a port where that is free, else at any."""
    with contextlib.suppress(OSError):
        return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    return socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)


def open_channel(connection: Connection, pod: str, port: int = PORT, *, renew: bool = True) -> Any:
    """Return a WebSocket that leads to a port of a pod.

    The client library's own forwarding loses the end of what a pod sends before it closes, and
    leaves sockets open; only its way of connecting is used.

    Args:
        connection: To the cluster.
        pod: The pod.
        port: Of the pod.
        renew: Whether credentials that are not accepted any more are read again, once.

    Raises:
        OSError: The API server or the pod cannot be reached.
        PermissionError: Our credentials do not allow it.
        TargetUnavailableError: There are no credentials any more.
    """
    from kubernetes.stream import ws_client
    from websocket import WebSocketException

    path = f"/api/v1/namespaces/{connection.namespace}/pods/{pod}/portforward?ports={port}"
    host = connection.host.replace("http", "ws", 1)
    headers = {name.lower(): value for name, value in connection.headers().items()}
    try:
        return ws_client.create_websocket(connection.api.configuration, host + path, headers)
    except WebSocketException as error:
        status = getattr(error, "status_code", None)
        if status != HTTPStatus.UNAUTHORIZED or not renew:
            denied = status == HTTPStatus.FORBIDDEN
            raise (PermissionError if denied else ConnectionError)(f"{error}") from error
    connection.renew()
    return open_channel(connection, pod, port, renew=False)


def open_pod(connection: Connection, pod: str) -> socket.socket:
    """Return a socket that leads to the server of a pod.

    Raises:
        OSError: It cannot be reached.
        TargetUnavailableError: There are no credentials any more.
    """
    channel = open_channel(connection, pod)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            carry(theirs, channel)

    threading.Thread(target=serve, name="mlmagic-forwarded", daemon=True).start()
    return ours


def carry(client: socket.socket, channel: Any) -> None:
    """Carry bytes both ways until one side ends; the channel is closed."""
    from websocket import WebSocketException

    opened: set[int] = set()
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, "client")
            selector.register(channel.sock, selectors.EVENT_READ, "pod")
            while True:
                for key, _ in selector.select():
                    if key.data == "client":
                        data = client.recv(_CHUNK)
                        if not data:
                            return
                        channel.send_binary(b"\0" + data)
                    elif not _take(client, channel, opened):
                        return
    except (OSError, WebSocketException):
        return
    finally:
        channel.shutdown()


def _take(client: socket.socket, channel: Any, opened: set[int]) -> bool:
    """Take in what a pod sent; False where it has ended.

    Each message begins with the number of a stream: 0 for data, 1 for errors. The first of each
    tells the port again.
    """
    while True:
        kind, message = channel.recv_data()
        if kind == _CLOSE or not message:
            return False
        stream, data = message[0], message[1:]
        if stream not in opened:
            opened.add(stream)
        elif stream == 0:
            client.sendall(data)
        else:
            _logger.debug("The pod says: %s", data.decode(errors="replace"))
            return False
        pending = getattr(channel.sock, "pending", None)  # of TLS
        if pending is None or not pending():
            return True
