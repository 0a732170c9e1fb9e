"""The supervisor: one generation serves, the next one gets ready beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.status import write_json
from mlmagic.scoring.supervisor.desired import Desired, read_desired
from mlmagic.scoring.supervisor.failure import Failure, FailureError
from mlmagic.scoring.supervisor.fleet import Fleet
from mlmagic.scoring.supervisor.listener import Listener, open_listener
from mlmagic.scoring.supervisor.logfile import ServiceLog
from mlmagic.scoring.supervisor.prepare import prepare
from mlmagic.scoring.turn import LET_GO

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

_OLD_WORKERS_PATIENCE = 6.0  # workers of a supervisor that was killed drain this long at most


class Supervisor:
    """Keeps what ``desired.json`` asks for, and tells in ``state.json`` how it goes.

    Args:
        directory: The state directory.
        echo: Write the log to the standard error too.
        told: Receives what is told in ``state.json``.
    """

    def __init__(
        self,
        directory: Path,
        *,
        echo: bool = False,
        told: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._directory = directory
        self._on_told = told
        self._log = ServiceLog(directory, echo=echo)
        self._started = time.time()
        self._listener: Listener | None = None
        self._current: Fleet | None = None
        self._incoming: Fleet | None = None
        self._outgoing: set[Fleet] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._deployment: asyncio.Task[None] | None = None
        self._target = 0
        self._stage = "start"
        self._phase = "starting"
        self._failure: tuple[int, Failure] | None = None
        self._told: dict[str, Any] = {}
        self._telling = False
        self._is_replaced = False
        self._ended: asyncio.Future[int]

    async def run(self) -> int:
        """Serve until told to stop, or until nothing can be served.

        Returns:
            0 after a stop, 1 after a failure.
        """
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT, LET_GO):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self._restart)
        loop.add_signal_handler(signal.SIGCHLD, self._nudge)
        if _was_killed(self._directory):
            killed = "the one before was killed, or the machine was restarted"
            self._log.say("Killed", "supervisor", killed, warning=True)
        me = f"supervisor/{os.getpid()}"
        self._log.say("Started", me, "supervisor started")
        self._reload()
        code = await self._ended
        await self._shut_down()
        self._phase = "stopped" if code == 0 else "failed"
        self._log.say(self._phase.capitalize(), me, f"supervisor {self._phase}")
        self._tell_now()
        return code

    # What signals ask for

    def _stop(self, number: int) -> None:
        self._is_replaced |= number == LET_GO
        self._end(0)

    def _end(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)

    def _reload(self) -> None:
        try:
            desired = read_desired(self._directory / "desired.json")
        except FailureError as error:
            if self._deployment is None or self._deployment.done():
                self._fail(self._target, error.failure)
            return
        if desired.generation > self._target:
            self._target = desired.generation
            self._begin(self._deploy(desired, renew=True))
        elif desired.generation == self._target:
            self._spawn(self.reload_script())  # nothing else is asked for: it has changed

    def _restart(self) -> None:
        if self._current is not None and self._incoming is None:
            self._begin(self._deploy(self._current.desired, renew=False))

    async def reload_script(self) -> None:
        """Let new workers load the script, after what is being deployed."""
        if self._deployment is not None:
            await asyncio.wait({self._deployment})
        self._restart()

    def _nudge(self) -> None:
        for fleet in self._fleets():
            fleet.nudge()

    # Deploying

    def _begin(self, deployment: Coroutine[Any, Any, None]) -> None:
        self._deployment = self._spawn(self._replace(self._deployment, deployment))

    async def _replace(
        self, previous: asyncio.Task[None] | None, deployment: Coroutine[Any, Any, None]
    ) -> None:
        """Take back what is being deployed, then deploy."""
        if previous is not None:
            previous.cancel()
            await asyncio.wait({previous})
        await deployment

    async def _deploy(self, desired: Desired, *, renew: bool) -> None:
        """Bring up a generation beside the serving one, and hand over when it is ready."""
        generation = desired.generation
        self._log.say("Starting", f"revision/{generation}", f"generation {generation}: begins")
        self._failure = None
        self._set_phase("starting" if self._current is None else "updating")
        listener = self._listener
        try:
            listener = self._listener = await self._listener_for(desired)
            if renew and desired.prepare:
                self._stage = "environment"
                self._tell()
                await prepare(desired.prepare, self._log)
            self._incoming = self._fleet(desired, listener)
            await self._incoming.become_ready()
        except FailureError as error:
            await self._give_up()
            self._fail(generation, error.failure)
        except asyncio.CancelledError:
            await self._give_up()
            raise
        except Exception as error:  # noqa: BLE001 - such as a value of a wrong type
            await self._give_up()
            self._fail(generation, Failure("ConfigurationError", repr(error)))
        else:
            await self._hand_over()

    async def _listener_for(self, desired: Desired) -> Listener:
        if self._listener is not None and self._listener.serves(desired.address, desired.port):
            return self._listener
        first = self._listener is None
        patience = _OLD_WORKERS_PATIENCE if first and _was_killed(self._directory) else 0
        return await asyncio.to_thread(
            open_listener, desired.address, desired.port, patience=patience
        )

    def _fleet(self, desired: Desired, listener: Listener) -> Fleet:
        self._stage = "start"
        return Fleet(
            desired,
            listener,
            directory=self._directory,
            log=self._log,
            changed=self._tell,
            alone=self._current is None,
        )

    async def _hand_over(self) -> None:
        """Let the new generation serve alone; only then is it told to serve."""
        old, self._current, self._incoming = self._current, self._incoming, None
        assert self._current is not None  # noqa: S101 - it has just become ready
        self._spawn(self._watch(self._current))
        if old is not None:
            self._outgoing.add(old)  # told from the start: while it accepts, it still answers
            self._spawn(self._retire(old))
            await old.let_go()
        generation = self._current.desired.generation
        self._log.say("Serving", f"revision/{generation}", f"generation {generation}: serves")
        self._set_phase("serving")

    async def _retire(self, fleet: Fleet) -> None:
        if fleet.listener is not self._listener:
            fleet.listener.socket.close()
        await fleet.stop(replaced=True)
        self._outgoing.discard(fleet)
        self._tell()

    async def _give_up(self) -> None:
        """Take back a generation that did not come up; the serving one stays."""
        fleet, self._incoming = self._incoming, None
        if fleet is not None:
            self._stage = fleet.stage
            await fleet.stop(drain=False, replaced=self._current is not None)
        if self._current is not None and self._listener is not self._current.listener:
            assert self._listener is not None  # noqa: S101 - the serving one has one
            self._listener.socket.close()
            self._listener = self._current.listener

    async def _watch(self, fleet: Fleet) -> None:
        """End when the serving generation can no longer be kept alive."""
        failure = await fleet.fail()
        if fleet is self._current:
            self._stage = fleet.stage
            self._current = None
            await fleet.stop(drain=False)
            if self._incoming is None:
                self._fail(fleet.desired.generation, failure)

    def _fail(self, generation: int, failure: Failure) -> None:
        self._failure = (generation, failure)
        self._log.say(failure.reason, f"revision/{generation}", failure.message, warning=True)
        if self._current is None:
            self._end(1)
        else:
            self._set_phase("serving")

    async def _shut_down(self) -> None:
        self._set_phase("stopping")
        if self._deployment is not None:
            self._deployment.cancel()
            await asyncio.wait({self._deployment})
        if self._listener is not None:
            self._listener.socket.close()  # the workers' copies take what is in the backlog
        replaced = self._is_replaced
        await asyncio.gather(*(fleet.stop(replaced=replaced) for fleet in self._fleets()))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._current = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Telling

    def _fleets(self) -> list[Fleet]:
        fleets = [self._current, self._incoming, *self._outgoing]
        return [fleet for fleet in fleets if fleet is not None]

    def _set_phase(self, phase: str) -> None:
        self._phase = phase
        self._tell()

    def _tell(self) -> None:
        """Write the state soon; changes that come together are written once."""
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell_now)

    def _tell_now(self) -> None:
        self._telling = False
        state = self._state()
        if state != self._told:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            with contextlib.suppress(OSError):  # a full disk does not end a service
                write_json(self._directory / "state.json", state | {"updated": now})
                self._told = state
            if self._on_told is not None:
                self._on_told(state)

    def _state(self) -> dict[str, Any]:
        newest = self._incoming or self._current
        serving = self._current
        listener = self._listener
        measured = [w.status for w in (serving or newest).workers.values()] if newest else []
        status = measured[0] if measured else {}
        return {
            "format": 1,
            "supervisor": {"pid": os.getpid(), "started": self._started},
            "address": listener.address if listener else None,
            "port": listener.port if listener else None,
            "phase": self._phase,
            "generation": serving.desired.generation if serving else 0,
            "target_generation": self._target,
            "stage": self._stage_now(),
            "workers": [told for fleet in self._fleets() for told in _workers(fleet)],
            "wanted": newest.desired.workers if newest else 0,
            "restarts": sum(sum(fleet.restarts) for fleet in self._fleets()),
            "failure": self._failure_now(),
            "init_seconds": status.get("init_seconds"),
            "sample_ms": status.get("sample_ms"),
        }

    def _stage_now(self) -> str:
        if self._incoming is not None:
            return self._incoming.stage
        if self._phase in ("starting", "updating") or self._current is None:
            return self._stage
        return self._current.stage

    def _failure_now(self) -> dict[str, Any] | None:
        if self._failure is not None:
            generation, failure = self._failure
            return failure.told(generation)
        for fleet in (self._incoming, self._current):
            if fleet is not None and fleet.crash is not None:
                return fleet.crash.told(fleet.desired.generation)
        return None


def _workers(fleet: Fleet) -> list[dict[str, Any]]:
    return [
        {
            "pid": worker.pid,
            "generation": fleet.desired.generation,
            "stage": worker.stage,
            "ready": worker.ready,
            "started": worker.started,
            "restarts": fleet.restarts[index],
            "memory_bytes": worker.memory_bytes,
        }
        for index, worker in sorted(fleet.workers.items())
    ]


def _was_killed(directory: Path) -> bool:
    """Whether the last supervisor left without saying so; its workers may still drain."""
    try:
        text = (directory / "state.json").read_text(encoding="utf-8")
    except OSError:
        return False
    return '"phase": "stopped"' not in text and '"phase": "failed"' not in text
