"""Several requests in one call of run(): opt-in, for models that are quicker so.

No time window: whatever waits when run() is free goes in as one batch, so that a single
client is not kept waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.call import Refusal
from mlmagic.scoring.dispatch import Interrupted, NeverBegunError
from mlmagic.scoring.entry import BATCH
from mlmagic.scoring.execution import script_failed, written
from mlmagic.scoring.logs import REQUEST_ID, flush_prints
from mlmagic.scoring.outcome import Outcome, message

if TYPE_CHECKING:
    from mlmagic.scoring.call import Call
    from mlmagic.scoring.dispatch import Dispatcher
    from mlmagic.scoring.entry import EntryScript
    from mlmagic.scoring.failure import UserCode


logger = logging.getLogger("azmlinfsrv")
DEFAULT_MOST = 64


def batched(function: Any = None, *, most: int = DEFAULT_MOST) -> Any:
    """Let run() score several requests at a time.

    Each of its arguments is then a list with one value per request, and so is what it
    returns. An exception in that list fails its own request alone.

    Args:
        function: run(), where the decorator stands without parentheses.
        most: How many requests at a time.

    Example:
        >>> @batched(most=32)
        ... def run(raw_data):
        ...     return [len(text) for text in raw_data]
    """
    if function is None:
        return partial(batched, most=most)
    setattr(function, BATCH, most)
    return function


@dataclass(slots=True, eq=False)
class _Waiting:
    call: Call
    future: asyncio.Future[Outcome]


class Batcher:
    """Gathers what waits while run() is busy.

    Args:
        script: The entry script.
        code: Tells the user's frames in tracebacks.
        dispatcher: Calls run().
        most: How many requests at a time.
    """

    def __init__(
        self, script: EntryScript, code: UserCode, dispatcher: Dispatcher, most: int
    ) -> None:
        self._script = script
        self._code = code
        self._dispatcher = dispatcher
        self._most = most
        self._waiting: list[_Waiting] = []
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def score(self, call: Call, seconds: float, *, wait: float | None = None) -> Outcome:
        """Score a request together with those that wait.

        Args:
            call: The request.
            seconds: How long its batch may run, and how long it may wait to begin.
            wait: How long it may wait to begin, where that is less.

        Raises:
            NeverBegunError: It waited for that long.
            TimeoutError: Its batch took longer.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(call, loop.create_future())
        self._waiting.append(waiting)
        loop.call_soon(self._begin, seconds)  # after what else has just come
        timer = loop.call_later(seconds if wait is None else wait, self._give_up, waiting)
        try:
            return await waiting.future
        finally:
            timer.cancel()

    def _give_up(self, waiting: _Waiting) -> None:
        if waiting in self._waiting and not waiting.future.done():
            waiting.future.set_exception(NeverBegunError())

    def _begin(self, seconds: float) -> None:
        self._waiting = [each for each in self._waiting if not each.future.done()]
        if self._waiting and self._running < self._dispatcher.limit:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._running += 1
            task = asyncio.get_running_loop().create_task(self._run(batch, seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, batch: list[_Waiting], seconds: float) -> None:
        calls = [each.call for each in batch]
        work = partial(score_batch, self._script, self._code, calls)
        try:
            outcomes = await self._dispatcher.call(work, seconds)
        except TimeoutError as error:
            for each in batch:
                if not each.future.done():
                    each.future.set_exception(type(error)())
            return
        finally:
            self._running -= 1
            self._begin(seconds)
        for each, outcome in zip(batch, outcomes, strict=True):
            if not each.future.done():
                each.future.set_result(outcome)


def score_batch(script: EntryScript, code: UserCode, calls: list[Call]) -> list[Outcome]:
    """Score requests in one call; if that fails, each by itself: one may have spoilt it."""
    arguments, outcomes = _read(script, calls)
    good = [index for index, outcome in enumerate(outcomes) if outcome is None]
    if not good:
        return [each for each in outcomes if each is not None]
    began = time.perf_counter()
    try:
        values = _run(script, arguments, calls[good[0]].request_id)
    except Interrupted:
        raise
    except BaseException as error:  # noqa: BLE001 - not even SystemExit may end the service
        if len(good) > 1:
            return [score_batch(script, code, [call])[0] for call in calls]
        values = [error]
    milliseconds = (time.perf_counter() - began) * 1000
    for index, value in zip(good, values, strict=True):
        outcomes[index] = _outcome(script, code, value, milliseconds, calls[index].request_id)
    return [each for each in outcomes if each is not None]


def _read(
    script: EntryScript, calls: list[Call]
) -> tuple[list[dict[str, Any]], list[Outcome | None]]:
    """Return the arguments of the requests that fit, and the answers of those that do not."""
    arguments: list[dict[str, Any]] = []
    outcomes: list[Outcome | None] = []
    for call in calls:
        try:
            arguments.append(script.arguments(call))
            outcomes.append(None)
        except Refusal as refusal:
            outcomes.append(Outcome(refusal.status, message(refusal.message)))
    return arguments, outcomes


def _run(script: EntryScript, arguments: list[dict[str, Any]], request_id: str) -> list[Any]:
    together = {name: [each[name] for each in arguments] for name in arguments[0]}
    token = REQUEST_ID.set(request_id)
    try:
        values = script.run(**together)
    finally:
        flush_prints()
        REQUEST_ID.reset(token)
    if hasattr(values, "tolist"):  # an array of NumPy's
        values = values.tolist()
    if not isinstance(values, list | tuple) or len(values) != len(arguments):
        found = f"{len(values)} values" if isinstance(values, list | tuple) else repr(type(values))
        raise TypeError(
            f"A batched run() returns a list with one value for each of its"
            f" {len(arguments)} requests; it returned {found}."
        )
    return list(values)


def _outcome(
    script: EntryScript, code: UserCode, value: Any, milliseconds: float, request_id: str
) -> Outcome:
    if isinstance(value, BaseException):
        return script_failed(value, code, request_id)
    return written(script, value, milliseconds, request_id)
