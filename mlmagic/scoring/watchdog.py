"""Ends a process whose event loop stands still: nothing in it can answer any more."""

from __future__ import annotations

import asyncio
import faulthandler
import sys

_ROUNDS = 4  # how often the loop says that it lives, in the time that it has


def watch_loop(seconds: float) -> None:
    """End the process when its event loop does not run for so long.

    That is so when ``run()`` is in code that keeps the interpreter lock and does not end: no
    time limit can interrupt it. The watch itself needs no lock; it writes where each thread
    is, and ends the process with 1. A supervisor then starts another one on the same socket.

    Args:
        seconds: Longest standstill; v1's ``WORKER_TIMEOUT``.
    """
    if sys.__stderr__ is None:
        return
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    asyncio.get_running_loop().call_later(seconds / _ROUNDS, watch_loop, seconds)
