"""How much a service is asked and how fast it answers, from its own ``/metrics``."""

from __future__ import annotations

import http.client
import re
import time
from bisect import bisect_left
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlmagic.addresses import connection_to
from mlmagic.errors import MlmagicError

if TYPE_CHECKING:
    from mlmagic.services.webservice import Webservice
    from mlmagic.targets import Keys

_SECONDS = 1.0
_PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_REQUESTS = re.compile(
    r'^mlmagic_requests_total\{route="/score",code="(\d+)"\} ([\d.e+]+)$', re.MULTILINE
)
_BUCKETS = re.compile(r'^mlmagic_request_seconds_bucket\{le="([^"]+)"\} ([\d.e+]+)$', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a service had counted at one moment.

    Attributes:
        requests: Answers to scoring requests by status.
        bounds: Upper bounds of the latencies, in seconds.
        below: How many answers took no longer than each bound.
    """

    requests: dict[int, int] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()
    below: tuple[int, ...] = ()
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What happened between two moments.

    Attributes:
        at: The end, ISO 8601.
        rate: Scoring requests a second.
        errors: Share of them that was answered with 400 and above, 0 to 1.
        p50: Median of the latency in milliseconds; None without requests. Likewise the others.
    """

    at: str
    rate: float
    errors: float
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Reader:
    """Asks one service what it has counted.

    Where it is and its keys are asked of its target once, and again after a reading that failed:
    on an engine or a cluster, that costs more than the reading.

    Args:
        service: The service.
    """

    def __init__(self, service: Webservice) -> None:
        self._service = service
        self._access: tuple[str | None, Keys | None] | None = None

    def read(self) -> Counts | None:
        """Ask now; None where it does not answer."""
        try:
            self._access = base, keys = self._access or self._service.scoring_access()
        except MlmagicError:
            return None
        counts = _ask(base, keys) if base is not None else None
        if counts is None:
            self._access = None
        return counts


def _ask(base: str, keys: Keys | None) -> Counts | None:
    headers = {"Authorization": f"Bearer {keys.primary}"} if keys else {}
    try:
        with closing(connection_to(base, seconds=_SECONDS)) as connection:
            connection.request("GET", f"{urlsplit(base).path}/metrics", headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    return counts_of(text) if answer.status == HTTPStatus.OK else None


def counts_of(text: str) -> Counts:
    """Read the counts from Prometheus' text format."""
    buckets = [(float(bound), int(float(count))) for bound, count in _BUCKETS.findall(text)]
    return Counts(
        requests={int(code): int(float(count)) for code, count in _REQUESTS.findall(text)},
        bounds=tuple(bound for bound, _ in buckets),
        below=tuple(count for _, count in buckets),
    )


def between(before: Counts, now: Counts) -> Traffic:
    """Say what happened between two readings; after a restart, since then."""
    if sum(now.requests.values()) < sum(before.requests.values()):
        before = Counts(at=before.at)
    asked = {code: count - before.requests.get(code, 0) for code, count in now.requests.items()}
    total = sum(asked.values())
    failed = sum(count for code, count in asked.items() if code >= HTTPStatus.BAD_REQUEST)
    earlier = before.below or (0,) * len(now.below)
    below = [count - past for count, past in zip(now.below, earlier, strict=False)]
    return Traffic(
        at=datetime.now(UTC).isoformat(),
        rate=total / max(now.at - before.at, 0.001),
        errors=failed / total if total else 0.0,
        **{name: _percentile(share, now.bounds, below) for name, share in _PERCENTILES},
    )


def _percentile(share: float, bounds: tuple[float, ...], below: list[int]) -> float | None:
    """Estimate a percentile in milliseconds, evenly within its bucket as Prometheus does."""
    if not below or not below[-1]:
        return None
    rank = share * below[-1]
    place = bisect_left(below, rank)
    if bounds[place] == float("inf"):
        return bounds[place - 1] * 1000 if place else None
    (low, start), (high, end) = next(
        pairwise([*zip((0.0, *bounds), (0, *below), strict=False)][place : place + 2])
    )
    return (low + (high - low) * (rank - start) / max(end - start, 1)) * 1000
