"""What is counted, in Prometheus' text format; several workers are told as one service.

An own writer: a dependency in every service's environment, for counters and two
histograms, would cost more than it gives. The script's own metrics are told too where
it uses prometheus_client.
"""

from __future__ import annotations

import os
import sys
import time
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_HELP = {
    "mlmagic_requests_total": ("counter", "Requests that were answered."),
    "mlmagic_request_seconds": ("histogram", "Time from a scoring request to its answer."),
    "mlmagic_run_seconds": ("histogram", "Time in run()."),
    "mlmagic_in_flight": ("gauge", "Scoring requests that are not answered yet."),
    "mlmagic_queue": ("gauge", "Scoring requests that wait for run()."),
    "mlmagic_threads": ("gauge", "Threads that call run()."),
    "mlmagic_workers": ("gauge", "Processes that serve."),
    "mlmagic_memory_bytes": ("gauge", "Resident memory of the processes."),
    "mlmagic_restarts_total": ("counter", "Workers that crashed and were started again."),
}


class Histogram:
    """How often a duration fell between two bounds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(_BOUNDS, seconds)] += 1
        self.seconds += seconds


class Metrics:
    """Counts of this process."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = {}
        self._latency = Histogram()
        self._run = Histogram()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        if route == "/score":
            self._latency.add(seconds)

    def ran(self, milliseconds: float) -> None:
        """Count a call of run()."""
        self._run.add(milliseconds / 1000)

    def snapshot(self, **gauges: float) -> dict[str, Any]:
        """Return the counts, and what is true now, for other processes."""
        return {
            "pid": os.getpid(),
            "at": time.time(),
            "requests": [[*key, count] for key, count in self._requests.items()],
            "latency": [self._latency.counts, self._latency.seconds],
            "run": [self._run.counts, self._run.seconds],
            "gauges": gauges,
        }


def merged(snapshots: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Add up the counts of several processes; gauges count where there are any."""
    requests: dict[tuple[str, int], int] = {}
    gauges: dict[str, float] = {}
    latency, run = Histogram(), Histogram()
    for snapshot in snapshots:
        for route, status, count in snapshot["requests"]:
            requests[route, status] = requests.get((route, status), 0) + count
        for histogram, name in ((latency, "latency"), (run, "run")):
            counts, seconds = snapshot[name]
            pairs = zip(histogram.counts, counts, strict=True)
            histogram.counts = [mine + theirs for mine, theirs in pairs]
            histogram.seconds += seconds
        for name, value in snapshot["gauges"].items():
            gauges[name] = gauges.get(name, 0) + value
    return {
        "requests": [[*key, count] for key, count in sorted(requests.items())],
        "latency": [latency.counts, latency.seconds],
        "run": [run.counts, run.seconds],
        "gauges": gauges,
    }


def exposition(total: dict[str, Any]) -> bytes:
    """Write counts in Prometheus' text format, the script's own behind them."""
    text = "".join(f"{line}\n" for line in _lines(total)).encode()
    client = sys.modules.get("prometheus_client")
    return text + client.generate_latest() if client is not None else text


def _lines(total: dict[str, Any]) -> Iterator[str]:
    yield from _head("mlmagic_requests_total")
    for route, status, count in total["requests"]:
        yield f'mlmagic_requests_total{{route="{route}",code="{status}"}} {count}'
    yield from _histogram("mlmagic_request_seconds", *total["latency"])
    yield from _histogram("mlmagic_run_seconds", *total["run"])
    for name, value in total["gauges"].items():
        yield from _head(f"mlmagic_{name}")
        yield f"mlmagic_{name} {value}"


def _histogram(name: str, counts: list[int], seconds: float) -> Iterator[str]:
    yield from _head(name)
    bounds = [*(str(bound) for bound in _BOUNDS), "+Inf"]
    for bound, count in zip(bounds, accumulate(counts), strict=True):
        yield f'{name}_bucket{{le="{bound}"}} {count}'
    yield f"{name}_sum {seconds}"
    yield f"{name}_count {sum(counts)}"


def _head(name: str) -> Iterator[str]:
    kind, text = _HELP[name]
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
