"""A great many requests, and the memory meanwhile."""

from __future__ import annotations

import sys

from tests.benchmarks.scoring import work
from tests.benchmarks.scoring.load import wrk
from tests.benchmarks.scoring.peers import Running, ours


def soak(requests: int) -> tuple[int, int, list[float]]:
    """Send requests until so many are answered.

    Returns:
        How many were answered, the errors, and the resident memory in MiB after each step; the
        first step warms up.
    """
    server = Running(ours(), work.TRIVIAL)
    answered, errors = 0, 0
    memory: list[float] = []
    try:
        while answered < requests or len(memory) < 2:
            load = wrk(server.url, server.body, connections=32, seconds=5)
            answered += int(load.per_second * 5)
            errors += load.errors
            memory.append(server.mebibytes())
            sys.stderr.write(f"{answered:>9} answered, {errors} errors, {memory[-1]:.1f} MiB\n")
    finally:
        server.stop()
    return answered, errors, memory
