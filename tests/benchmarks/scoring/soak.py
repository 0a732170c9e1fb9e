"""A great many requests, and the memory meanwhile."""

from __future__ import annotations

import sys

from tests.benchmarks.scoring import work
from tests.benchmarks.scoring.load import wrk
from tests.benchmarks.scoring.peers import Running, ours


def soak(requests: int) -> None:
    """Send requests until so many are answered; print the resident memory."""
    server = Running(ours(), work.TRIVIAL)
    try:
        answered, errors = 0, 0
        while answered < requests:
            load = wrk(server.url, server.body, connections=32, seconds=5)
            answered += int(load.per_second * 5)
            errors += load.errors
            told = f"{answered:>9} answered, {errors} errors, {server.mebibytes():.1f} MiB\n"
            sys.stdout.write(told)
            sys.stdout.flush()
    finally:
        server.stop()
