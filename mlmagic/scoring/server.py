"""uvicorn with our start and our drain."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from mlmagic.scoring.dispatch import Dispatcher
from mlmagic.scoring.failure import START_FAILED, StartFailure
from mlmagic.scoring.listening import BACKLOG
from mlmagic.scoring.startup import Service, start

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from mlmagic.scoring.application import Application
    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.status import Status

logger = logging.getLogger("azmlinfsrv")
_BACKLOG_ROUND = 0.01  # what is in the backlog is accepted
_LINGER = 0.3  # what idle connections get to send the request that is on its way


class Server(uvicorn.Server):
    """Serves an application; the script starts beside it.

    Attributes:
        exit_code: What the process should end with.
    """

    def __init__(self, application: Application, settings: Settings, status: Status) -> None:
        config = uvicorn.Config(
            application,
            http=_protocol(settings),
            backlog=BACKLOG,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, int(settings.grace)),
        )
        super().__init__(config)
        self._application = application
        self._settings = settings
        self._status = status
        self._starting: asyncio.Task[None] | None = None
        self.exit_code = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to drain; the process then ends with 0, not with the signal."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the script, and accept connections before or after it is ready."""
        self._starting = asyncio.create_task(self._start_script())
        if self._settings.accept_when_ready:
            while not self._starting.done() and not self.should_exit:
                await asyncio.wait({self._starting}, timeout=0.1)
        if not self.should_exit:
            await self._accept(sockets or [])
            self._tell_ready()

    async def _accept(self, sockets: list[socket.socket]) -> None:
        """Accept connections; those of a socket that other workers share are shared evenly."""
        if self._settings.fd is None:
            await super().startup(sockets)
            return
        from mlmagic.scoring.acceptor import Acceptor

        protocol: Any = self.config.http_protocol_class
        factory = partial(protocol, self.config, self.server_state, {})
        connections = self.server_state.connections
        self.servers = [
            cast("asyncio.Server", Acceptor(each, factory, connections)) for each in sockets
        ]
        self.started = True

    async def _start_script(self) -> None:
        dispatcher = Dispatcher(self._settings.threads)
        try:
            begin = partial(start, self._settings, self._status)
            service: Service = await dispatcher.call(begin)
        except StartFailure:
            self.exit_code = START_FAILED
            self.should_exit = True
            return
        self._application.open(service, dispatcher)
        self._tell_ready()

    def _tell_ready(self) -> None:
        """Say ready once both are true: the script has started, connections are accepted."""
        assert self._starting is not None  # noqa: S101 - set by startup
        if self.started and self._application.is_open and not self.should_exit:
            self._status.enter("ready")
            logger.info("Ready: %s", self._settings.service_name)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer everything that was accepted, then close.

        Connections that are idle get a moment: the next request of a client may be on its
        way, and to close under it would lose it. Every answer from now on ends its connection.
        """
        self._application.draining = True
        if self._status.stage != "failed":
            await asyncio.sleep(_BACKLOG_ROUND)
            for server in self.servers:
                server.close()
            await asyncio.sleep(0)  # the loop closes sockets in its next round
            self._status.enter("draining")
            until = time.monotonic() + _LINGER
            while self.server_state.connections and time.monotonic() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await super().shutdown(sockets)
        self._application.flush_log()
        self._application.tell_counts()


def _protocol(settings: Settings) -> Any:
    """Return our own protocol; uvicorn's where there is no httptools."""
    try:
        from mlmagic.scoring.connection import Connection
    except ImportError:
        return "auto"
    return partial(Connection, client_seconds=settings.client_timeout)
