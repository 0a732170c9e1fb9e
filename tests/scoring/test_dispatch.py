"""Threads between the event loop and run()."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from mlmagic.scoring.dispatch import Dispatcher, NeverBegunError
from tests.scoring.conftest import PATIENCE


def test_threads_grow_while_work_waits() -> None:
    async def many() -> int:
        dispatcher = Dispatcher()
        assert dispatcher.limit == 1
        await asyncio.gather(*(dispatcher.call(lambda: time.sleep(0.15)) for _ in range(16)))
        return dispatcher.limit

    assert asyncio.run(many()) > 1


def test_pinned_threads_stay() -> None:
    async def many() -> set[int]:
        dispatcher = Dispatcher(1)

        def tell() -> int:
            time.sleep(0.03)
            return threading.get_ident()

        return set(await asyncio.gather(*(dispatcher.call(tell) for _ in range(8))))

    assert len(asyncio.run(many())) == 1


def test_given_up_while_waiting_is_never_called() -> None:
    called = []

    async def two() -> None:
        dispatcher, gate = Dispatcher(1), threading.Event()
        first = asyncio.ensure_future(dispatcher.call(gate.wait))
        await asyncio.sleep(0)  # it is the first in the queue
        with pytest.raises(NeverBegunError):
            await dispatcher.call(lambda: called.append(1), 0.05)
        gate.set()
        await first
        assert await dispatcher.call(lambda: "next") == "next"

    asyncio.run(two())
    assert called == []


def test_the_limit_counts_running_alone() -> None:
    async def two() -> list[str]:
        dispatcher = Dispatcher(1)

        def slow() -> str:
            time.sleep(2)
            return "done"

        return await asyncio.gather(dispatcher.call(slow, 3.5), dispatcher.call(slow, 3.5))

    assert asyncio.run(two()) == ["done", "done"]


def test_exceptions_come_back() -> None:
    async def one() -> str:
        dispatcher = Dispatcher(1)
        with pytest.raises(ZeroDivisionError):
            await dispatcher.call(lambda: 1 / 0)
        return await dispatcher.call(lambda: "alive")

    assert asyncio.run(one()) == "alive"


def test_a_stuck_thread_is_replaced() -> None:
    async def two() -> str:
        dispatcher, gate = Dispatcher(1), threading.Event()
        with pytest.raises(TimeoutError):
            await dispatcher.call(gate.wait, 0.5)  # no Python code until it ends
        try:
            return await dispatcher.call(lambda: "alive", PATIENCE)
        finally:
            gate.set()

    assert asyncio.run(two()) == "alive"
