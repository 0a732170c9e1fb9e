"""/metrics, the queue's limit, and who may ask."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from mlmagic.scoring.metrics import Metrics, exposition, merged
from mlmagic.scoring.shared import SharedCounts
from tests.scoring.conftest import RunningServer, Supervised, needs, wait_for

if TYPE_CHECKING:
    from pathlib import Path

Serve = Callable[..., RunningServer]


def metrics(server: RunningServer | Supervised, **headers: str) -> dict[str, float]:
    answer = server.ask("GET", "/metrics", **headers)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_counts(serve: Serve) -> None:
    server = serve("run_raises").ready()
    for body in (b"1", b"2", b"0"):
        server.ask(body=body)
    server.ask("GET", "/nowhere")
    server.ask("GET", "/")
    found = metrics(server)
    assert found['mlmagic_requests_total{route="/score",code="200"}'] == 2
    assert found['mlmagic_requests_total{route="/score",code="500"}'] == 1
    assert found['mlmagic_requests_total{route="",code="404"}'] == 1
    assert found["mlmagic_request_seconds_count"] == 3
    assert found['mlmagic_request_seconds_bucket{le="+Inf"}'] == 3
    assert found["mlmagic_run_seconds_count"] == 2
    assert found["mlmagic_in_flight"] == 0
    assert found["mlmagic_workers"] == 1
    assert found["mlmagic_memory_bytes"] > 1_000_000


@needs("prometheus_client")
def test_prometheus_reads_it() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    counts = Metrics()
    counts.answered("/score", 200, 0.003)
    counts.answered("/score", 200, 100)
    text = exposition(merged([counts.snapshot(workers=1), counts.snapshot(workers=1)]))
    families = {each.name: each for each in text_string_to_metric_families(text.decode())}
    assert families["mlmagic_requests"].samples[0].value == 4
    latency = {
        sample.labels.get("le"): sample.value
        for sample in families["mlmagic_request_seconds"].samples
    }
    assert (latency["0.0025"], latency["0.005"], latency["60.0"], latency["+Inf"]) == (0, 2, 2, 4)
    assert families["mlmagic_workers"].samples[0].value == 2


@needs("prometheus_client")
def test_metrics_of_the_script(serve_source: Serve) -> None:
    server = serve_source(
        """
        from prometheus_client import Counter
        rows = Counter("my_rows", "Rows that were scored.")
        def init(): pass
        def run(data): rows.inc(5); return 1
        """
    ).ready()
    server.ask(body=b"x")
    assert metrics(server)["my_rows_total"] == 5


def test_keys_guard_metrics_and_scoring(serve: Serve, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"primary": "one", "secondary": "two"}))
    server = serve("echo", "--auth", "key", "--keys-file", str(keys)).ready()
    assert server.ask("GET", "/metrics").status == 401
    assert server.ask(body=b"x").status == 401
    assert metrics(server, Authorization="Bearer two")["mlmagic_workers"] == 1
    for path in ("/", "/live", "/ready", "/swagger.json"):
        assert server.ask("GET", path).status == 200


def told(folder: Path) -> int:
    """The answers to scoring that the workers' files count."""
    files = [json.loads(path.read_text()) for path in folder.glob("metrics-*.json")]
    return sum(
        count
        for file in files
        for route, code, count in file["requests"]
        if (route, str(code)) == ("/score", "200")
    )


def test_several_workers_are_one_service(supervised: Supervised) -> None:
    supervised.desire("echo", workers=2)
    supervised.start().reach(phase="serving")
    for _ in range(20):
        assert supervised.ask(body=b"x").status == 200
    name = 'mlmagic_requests_total{route="/score",code="200"}'
    wait_for(lambda: metrics(supervised).get(name) == 20, "all counts")
    # What a worker has not told yet dies with it.
    wait_for(lambda: told(supervised.directory) == 20, "all counts in files")
    found = metrics(supervised)
    assert found["mlmagic_workers"] == 2
    assert found["mlmagic_restarts_total"] == 0
    os.kill(supervised.pids[0], signal.SIGKILL)
    wait_for(lambda: supervised.state.get("restarts") == 1, "a restart")
    supervised.reach(stage="ready")
    wait_for(lambda: metrics(supervised)["mlmagic_workers"] == 2, "two workers")
    found = metrics(supervised)
    assert found[name] == 20  # those of the killed one too
    assert found["mlmagic_restarts_total"] == 1


def test_counts_of_the_dead_are_folded(tmp_path: Path) -> None:
    counts = Metrics()
    counts.answered("/score", 200, 0.1)
    for pid in (2**22 + 1, 2**22 + 2):
        snapshot = counts.snapshot(workers=1) | {"pid": pid}
        (tmp_path / f"metrics-{pid}.json").write_text(json.dumps(snapshot))
    (tmp_path / "metrics-damaged.json").write_text("{")
    shared = SharedCounts(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("metrics-*")) == [
        "metrics-damaged.json",
        "metrics-past.json",
    ]
    (past,) = shared.others()
    assert past["requests"] == [["/score", 200, 2]]
    assert past["gauges"] == {}
    assert SharedCounts(tmp_path).others() == [past]


def test_queue_limit(serve_source: Serve, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server = serve_source(
        f"""
        import os, time
        def init(): pass
        def run(data):
            while not os.path.exists({str(gate)!r}): time.sleep(0.01)
            return data
        """,
        *("--threads", "1", "--queue", "2"),
    ).ready()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(server.ask(body=b"x").status))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: metrics(server)["mlmagic_queue"] == 2, "a full queue")
    answer = server.ask(body=b"x")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json == {"message": "The service is busy: 2 requests wait. Try again soon."}
    assert server.ask("GET", "/").status == 200
    gate.touch()
    for thread in threads:
        thread.join()
    assert found == [200, 200, 200]


@pytest.mark.parametrize("kind", ["plain", "async", "batched"])
def test_a_request_waits_no_longer_than_it_may(
    serve_source: Serve, tmp_path: Path, kind: str
) -> None:
    gate = tmp_path / "gate"
    pause = "await asyncio.sleep(0.01)" if kind == "async" else "time.sleep(0.01)"
    server = serve_source(
        f"""
        import asyncio, os, time
        def init(): pass
        {"async " if kind == "async" else ""}def run(data):
            while not os.path.exists({str(gate)!r}): {pause}
            return data
        """,
        *("--threads", "1", "--queue-wait-ms", "1000", "--scoring-timeout-ms", "60000"),
        *(("--batch", "1") if kind == "batched" else ()),
    ).ready()
    found: list[int] = []
    first = threading.Thread(target=lambda: found.append(server.ask(body=b"x").status))
    first.start()
    wait_for(lambda: metrics(server)["mlmagic_in_flight"] == 1, "a call that runs")
    answer = server.ask(body=b"x")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "the request waited for 1000 ms" in answer.json["message"]
    gate.touch()
    first.join()
    assert found == [200]
