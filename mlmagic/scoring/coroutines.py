"""Coroutines of the script run on an event loop of their own, so that health always answers."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.dispatch import NeverBegunError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Coroutines:
    """Runs coroutines on one thread; the counterpart of ``Dispatcher`` for an async run().

    Args:
        most: How many run at a time; None does not limit them.
    """

    def __init__(self, most: int | None = None) -> None:
        self.limit = most or 1
        self._most = asyncio.Semaphore(most) if most else None
        self._loop = _new_loop()
        threading.Thread(target=self._loop.run_forever, name="coroutines", daemon=True).start()

    async def call(
        self,
        function: Callable[[], Any],
        seconds: float | None = None,
        *,
        wait: float | None = None,
    ) -> Any:
        """Run a coroutine and wait for its result.

        Args:
            function: Makes the coroutine.
            seconds: How long it may run, and wait to begin.
            wait: How long it may wait to begin, where that is less.

        Raises:
            NeverBegunError: It was given up before it began.
            TimeoutError: It was given up, and cancelled.
        """
        if self._most is None:
            return await self._run(function, seconds)
        try:
            async with asyncio.timeout(seconds if wait is None else wait):
                await self._most.acquire()
        except TimeoutError:
            raise NeverBegunError from None
        try:
            return await self._run(function, seconds)
        finally:
            self._most.release()

    async def _run(self, function: Callable[[], Any], seconds: float | None) -> Any:
        async with asyncio.timeout(seconds):
            running = asyncio.run_coroutine_threadsafe(function(), self._loop)
            return await asyncio.wrap_future(running)

    def finish(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine from another thread, to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
