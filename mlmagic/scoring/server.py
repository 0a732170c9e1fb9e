"""uvicorn with our start and our drain."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from mlmagic.scoring.acceptor import Acceptor
from mlmagic.scoring.dispatch import MOST_STUCK, Dispatcher
from mlmagic.scoring.failure import START_FAILED, StartFailure
from mlmagic.scoring.listening import BACKLOG, in_uri
from mlmagic.scoring.startup import Service, start
from mlmagic.scoring.turn import LOOK_SECONDS, turn_of
from mlmagic.scoring.watchdog import watch_loop

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from mlmagic.scoring.application import Application
    from mlmagic.scoring.front import Front
    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.status import Status

logger = logging.getLogger("azmlinfsrv")
_LINGER = 0.3  # what idle connections get to send the request that is on its way
_LINGER_BESIDE = 3.0  # the same beside a server that has the service now: nobody waits for the end


class Server(uvicorn.Server):
    """Serves an application; the script starts beside it, unless it was loaded before.

    Attributes:
        exit_code: What the process should end with.
    """

    def __init__(
        self,
        application: Application,
        settings: Settings,
        status: Status,
        *,
        front: Front | None = None,
        service: Service | None = None,
    ) -> None:
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
        self._front = front
        self._service = service
        self._turn = turn_of(settings)
        self._acceptors: list[Acceptor] = []
        self._address: Any = ()
        self._following: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._linger = _LINGER
        self.exit_code = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to drain; the process then ends with 0, not with the signal."""
        self.should_exit = True

    def let_go(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, as another server has the service now."""
        self._linger = _LINGER_BESIDE
        self.handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the script, and accept connections before or after it is ready."""
        self._starting = asyncio.create_task(self._start_script())
        turn = self._turn
        if self._settings.accept_when_ready or (turn is not None and not turn.has_come()):
            while not self._starting.done() and not self.should_exit:
                await asyncio.wait({self._starting}, timeout=0.1)
        if turn is not None and not turn.has_come() and not self.should_exit:
            self._status.enter("waiting")
            logger.info("The script is ready; the service is not handed over yet.")
            while not turn.has_come() and not self.should_exit:  # noqa: ASYNC110 - a file tells
                await asyncio.sleep(LOOK_SECONDS)
        if not self.should_exit:
            self._address = sockets[0].getsockname() if sockets else ()
            self._accept(sockets or [])
            if self._front is not None:
                self._following = asyncio.create_task(self._follow(self._front))
            self.started = True
            self._tell_ready()

    def _accept(self, listeners: list[socket.socket]) -> None:
        """Accept connections; those of a socket that other workers share are shared evenly."""
        protocol: Any = self.config.http_protocol_class
        factory = partial(protocol, self.config, self.server_state, {})
        connections = self.server_state.connections
        is_shared = self._settings.fd is not None or self._front is not None
        self._acceptors = [
            Acceptor(each, factory, connections, is_shared=is_shared) for each in listeners
        ]
        self.servers = cast("list[asyncio.Server]", self._acceptors)

    async def _follow(self, front: Front) -> None:
        """Accept from the front's socket; where the front comes back with another, from that."""
        while True:
            listener = await front.next()
            logger.info("The front of the service was started again.")
            for acceptor in self._acceptors:
                acceptor.close()
            self._accept([listener])

    async def _start_script(self) -> None:
        dispatcher = Dispatcher(self._settings.threads, self._renew)
        try:
            begin = partial(start, self._settings, self._status)
            service: Service = self._service or await dispatcher.call(begin)
        except StartFailure:
            self.exit_code = START_FAILED
            self.should_exit = True
            return
        self._application.open(service, dispatcher)
        if self._settings.debug_port is None:  # a breakpoint stops the loop too
            watch_loop(self._settings.worker_timeout)
        self._tell_ready()

    def _renew(self) -> None:
        """Let a new process take the place of this one, whose threads hang in run().

        The supervisor brings it up beside this one and hands over. Without one, this process
        answers what it has and ends, for whoever started it to start it again.
        """
        if self._settings.lifeline is not None:
            logger.error("%d calls of run() hang: a new process is asked for", MOST_STUCK)
            os.kill(os.getppid(), signal.SIGUSR1)
        else:
            logger.error("%d calls of run() hang: the server ends, to be started anew", MOST_STUCK)
            self.exit_code = 1
            self.should_exit = True

    def _tell_ready(self) -> None:
        """Say ready once both are true: the script has started, connections are accepted."""
        assert self._starting is not None  # noqa: S101 - set by startup
        if self.started and self._application.is_open and not self.should_exit:
            self._status.enter("ready")
            logger.info("Ready: %s%s", self._settings.service_name, self._told())

    def _told(self) -> str:
        """Say where the service is, how long init() took, and how run() is called."""
        host, port = self._address[:2] if len(self._address) > 1 else ("", 0)
        where = f" on http://{in_uri(host)}:{port}" if host else ""
        seconds = self._status.values["init_seconds"]
        begun = f"init {seconds:.2f} s, " if seconds is not None else ""
        # Of several, each speaks for itself.
        alone = "1 worker, " if self._settings.lifeline is None and self._front is None else ""
        return f"{where} ({begun}{alone}threads {self._settings.threads or 'adaptive'})"

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer everything that was accepted, then close.

        Connections that are idle get a moment: the next request of a client may be on its
        way, and to close under it would lose it. Every answer from now on ends its connection.
        """
        self._application.draining = True
        if self._following is not None:
            self._following.cancel()
        if self._status.stage != "failed":
            for acceptor in self._acceptors:
                acceptor.close()
            for acceptor in self._acceptors:
                await acceptor.settle()
            self._status.enter("draining")
            until = time.monotonic() + self._linger
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
