"""Rates and percentiles from two readings of a service's metrics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlmagic.scoring.metrics import Metrics, exposition, merged
from mlmagic.services.traffic import Counts, between, counts_of


def reading(metrics: Metrics, at: float) -> Counts:
    """What a service with these counts tells, read at a time."""
    text = exposition(merged([metrics.snapshot(in_flight=0)])).decode()
    return replace(counts_of(text), at=at)


def test_counts_what_happened_between_two_readings():
    metrics = Metrics()
    metrics.answered("/score", 200, 0.3)
    before = reading(metrics, 10.0)
    for _ in range(90):
        metrics.answered("/score", 200, 0.004)
    for _ in range(10):
        metrics.answered("/score", 500, 0.2)
    metrics.answered("/metrics", 200, 0.001)
    found = between(before, reading(metrics, 12.0))
    assert found.rate == 50
    assert found.errors == pytest.approx(0.1)
    assert 2.5 < found.p50 < 5
    assert 100 < found.p95 < found.p99 <= 250


def test_without_requests_there_is_no_latency():
    before = reading(Metrics(), 0.0)
    found = between(before, reading(Metrics(), 2.0))
    assert (found.rate, found.errors, found.p50, found.p99) == (0, 0, None, None)


def test_a_service_that_started_anew_counts_from_its_start():
    old, new = Metrics(), Metrics()
    for _ in range(50):
        old.answered("/score", 200, 0.004)
    new.answered("/score", 200, 0.02)
    found = between(reading(old, 0.0), reading(new, 1.0))
    assert found.rate == 1
    assert 10 < found.p50 <= 25


def test_answers_slower_than_every_bound_are_told_as_that_bound():
    metrics = Metrics()
    before = reading(metrics, 0.0)
    metrics.answered("/score", 200, 300.0)
    assert between(before, reading(metrics, 1.0)).p50 == 60_000
