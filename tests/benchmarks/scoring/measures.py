"""The goals, measured: every server of a goal runs, and each round asks them in turn."""

from __future__ import annotations

import http.client
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.scoring import work
from tests.benchmarks.scoring.load import Load, wrk
from tests.benchmarks.scoring.peers import (
    FASTAPI,
    MLSERVER,
    ROBYN,
    THEIRS,
    Peer,
    Running,
    ours,
    prepare,
)
from tests.benchmarks.scoring.soak import soak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.benchmarks.scoring.work import Work

TIMES = "\N{MULTIPLICATION SIGN}"
ALL = (THEIRS, FASTAPI, MLSERVER, ROBYN)


@dataclass(frozen=True)
class Budget:
    """How long it may take.

    Attributes:
        rounds: How often each server is asked.
        seconds: How long, each time.
        requests: Of the soak.
    """

    rounds: int
    seconds: float
    requests: int = 1_000_000


@dataclass
class Finding:
    """What was measured for one goal.

    Attributes:
        values: By server, one per round.
        best: ``more`` or ``less``.
        base: Server that ratios refer to.
        reached: Whether the goal is; None where nobody can say.
    """

    name: str
    goal: str
    unit: str
    values: dict[str, list[float]]
    best: str = "more"
    base: str = "azmlinfsrv"
    reached: bool | None = None
    note: str = ""

    def median(self, name: str = "mlmagic") -> float:
        """Return a server's middle value."""
        return statistics.median(self.values[name])

    def ratio(self, name: str = "mlmagic", base: str | None = None) -> float:
        """Return how many times the base's value a server's is, in the middle of all rounds."""
        pairs = zip(self.values[name], self.values[base or self.base], strict=True)
        ratios = [value / other for value, other in pairs if other]
        return statistics.median(ratios) if ratios else float("nan")  # it never answered


@dataclass
class Problems:
    """Servers that could not take part, and why."""

    told: dict[str, str] = field(default_factory=dict)


@contextmanager
def running(peers: Iterable[Peer], work_: Work, problems: Problems) -> Iterator[list[Running]]:
    """Start servers; those that do not start are reported."""
    started: list[Running] = []
    try:
        for peer in peers:
            try:
                started.append(Running(peer, work_))
            except Exception as error:  # noqa: BLE001 - a peer is no reason to stop
                text = getattr(error, "stderr", None) or str(error)
                problems.told[peer.name] = text.strip().splitlines()[-1][:300]
        yield started
    finally:
        for each in started:
            each.stop()


def loaded(servers: list[Running], budget: Budget, connections: int) -> dict[str, list[Load]]:
    """Load the servers in turn, each round in another order; the first round is a warm-up."""
    found: dict[str, list[Load]] = {server.peer.name: [] for server in servers}
    for number in range(-1, budget.rounds):
        for server in servers[number:] + servers[:number] if number > 0 else servers:
            seconds = budget.seconds if number >= 0 else 1
            load = wrk(server.url, server.body, connections=connections, seconds=seconds)
            if number >= 0:
                found[server.peer.name].append(load)
                sys.stderr.write(f"    {server.peer.name:<24} {load}\n")
    return found


def of(found: dict[str, list[Load]], what: Callable[[Load], float]) -> dict[str, list[float]]:
    """Pick one number of each load."""
    return {name: [what(load) for load in loads] for name, loads in found.items()}


def _rate(load: Load) -> float:
    return load.per_second


def _at_least(
    name: str, work_: Work, goal: float, budget: Budget, problems: Problems
) -> tuple[Finding, dict[str, list[Load]]]:
    with running((ours(), *ALL), work_, problems) as servers:
        found = loaded(servers, budget, 32)
    finding = Finding(name, f"≥ {goal:g} {TIMES}", "requests/s", of(found, _rate))
    finding.reached = finding.ratio() >= goal
    errors = sum(load.errors for load in found["mlmagic"])
    finding.note = f"{errors} errors of ours" if errors else ""
    return finding, found


def trivial(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """A run() that does nothing."""
    yield _at_least("trivial `run`, 32 connections", work.TRIVIAL, 12, budget, problems)[0]
    with running((ours(), *ALL), work.TRIVIAL, problems) as servers:
        found = loaded(servers, budget, 1)
    finding = Finding(
        "trivial `run`, 1 connection: p50",
        "≤ 0.2 ms",
        "ms",
        of(found, lambda load: load.p50),
        "less",
    )
    finding.reached = finding.median() <= 0.2
    yield finding


def linear(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """A small model."""
    name = "LogisticRegression, 1 row, 32 connections"
    yield _at_least(name, work.LINEAR, 4, budget, problems)[0]


def forest(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """A model that holds the interpreter lock for long."""
    name = "RandomForest(100), 1 row, 32 connections, default settings"
    yield _at_least(name, work.FOREST, 1.0, budget, problems)[0]


def waiting(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """A script that waits for others."""
    health: list[float] = []
    with running((ours(), *ALL), work.SLEEP, problems) as servers:
        mine = next(server for server in servers if server.peer.name == "mlmagic")
        stop = threading.Event()
        prober = threading.Thread(target=_probe, args=(mine, stop, health))
        prober.start()
        found = loaded(servers, budget, 32)
        stop.set()
        prober.join()
    finding = Finding(
        "`sleep(0.05)`, 32 connections, default settings",
        f"≥ 25 {TIMES}",
        "requests/s",
        of(found, _rate),
    )
    finding.reached = finding.ratio() >= 25
    yield finding
    ordered = sorted(health)
    at_99 = ordered[int(len(ordered) * 0.99)]
    told = Finding("… health meanwhile: p99", "< 20 ms", "ms", {"mlmagic": [at_99]}, "less")
    told.reached = at_99 < 20
    told.note = f"{len(health)} probes, the slowest {ordered[-1]:.1f} ms"
    yield told


def _probe(server: Running, stop: threading.Event, found: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    while not stop.wait(0.02):
        began = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        found.append((time.perf_counter() - began) * 1000)
    connection.close()


def rows(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """Bodies of 41 kB."""
    with running((ours(), THEIRS, FASTAPI, ROBYN), work.ROWS, problems) as servers:
        found = loaded(servers, budget, 1)
    finding = Finding(
        "1,000 rows, 1 connection: p99", "≤ 5 ms", "ms", of(found, lambda load: load.p99), "less"
    )
    finding.reached = finding.median() <= 5
    rates = {
        name: statistics.median(load.per_second for load in loads) for name, loads in found.items()
    }
    finding.note = "requests/s: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    yield finding


def numbers(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """Bodies of 1.2 MB."""
    typed = ours("mlmagic, typed", work.TYPED)
    simd = ours("mlmagic, typed, pysimdjson", work.TYPED, also=("pysimdjson",))
    slow = ours("mlmagic, --no-fast-json", work.ENTRY, "--no-fast-json")
    with running((ours(), slow, typed, simd, THEIRS), work.NUMBERS, problems) as servers:
        found = of(loaded(servers, budget, 1), _rate)
    size = len(work.NUMBERS.body) / 1e6
    plain = Finding(
        f"{size:.1f} MB of numbers, `run(raw_data)`, 1 connection",
        f"≥ 1.4 {TIMES}",
        "requests/s",
        found,
    )
    plain.reached = plain.ratio() >= 1.4
    plain.note = f"{plain.ratio():.2f} {TIMES}; "
    plain.note += f"{plain.ratio('mlmagic, --no-fast-json'):.2f} {TIMES} with --no-fast-json"
    yield plain
    told = Finding(
        f"{size:.1f} MB of numbers, `run(data: np.ndarray)`", f"≥ 5 {TIMES}", "requests/s", found
    )
    told.reached = told.ratio("mlmagic, typed, pysimdjson") >= 5
    told.note = f"{told.ratio('mlmagic, typed, pysimdjson'):.2f} {TIMES} azmlinfsrv's plain script"
    told.note += f" with pysimdjson, {told.ratio('mlmagic, typed'):.2f} {TIMES} without"
    yield told


def batches(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """Micro-batches."""
    batched = ours("mlmagic, batched", work.BATCHED)
    with running((ours(), batched, THEIRS, MLSERVER), work.FOREST, problems) as servers:
        many = of(loaded(servers, budget, 64), _rate)
        finding = Finding(
            "micro-batches, RandomForest, 64 clients", f"≥ 15 {TIMES}", "requests/s", many
        )
        finding.reached = finding.ratio("mlmagic, batched") >= 15
        finding.note = f"batched: {finding.ratio('mlmagic, batched'):.1f} {TIMES}"
        yield finding
        found = of(loaded(servers[:2], budget, 1), lambda load: load.p50)
    one = Finding("… 1 client: p50", f"≤ 1.1 {TIMES} unbatched", "ms", found, "less", "mlmagic")
    one.reached = one.ratio("mlmagic, batched") <= 1.1
    one.note = f"batched: {one.ratio('mlmagic, batched'):.2f} {TIMES} unbatched"
    yield one


def workers(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """Two processes."""
    two = ours("mlmagic, 2 workers", work.ENTRY, "--workers", "2")
    with running((ours(), two), work.FOREST, problems) as servers:
        found = of(loaded(servers, budget, 32), _rate)
    finding = Finding(
        "two workers, RandomForest, 32 connections",
        f"≥ 1.8 {TIMES} one",
        "requests/s",
        found,
        base="mlmagic",
    )
    finding.reached = finding.ratio("mlmagic, 2 workers") >= 1.8
    finding.note = f"two: {finding.ratio('mlmagic, 2 workers'):.2f} {TIMES} one"
    yield finding


def starts(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """Cold starts and memory."""
    peers = (ours(), *ALL)
    times: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    for _ in range(budget.rounds + 1):
        for peer in peers:
            with running((peer,), work.TRIVIAL, problems) as servers:
                for server in servers:
                    times.setdefault(peer.name, []).append(server.seconds)
                    _ask_once(server)
                    memory.setdefault(peer.name, []).append(server.mebibytes())
    times = {name: values[1:] for name, values in times.items()}
    finding = Finding("trivial script: start to first 200", f"≤ 0.3 {TIMES}", "s", times, "less")
    finding.reached = finding.ratio() <= 0.3
    yield finding
    small: dict[str, list[float]] = {"its imports and model alone": [], "mlmagic": []}
    for _ in range(2 * budget.rounds + 1):
        small["its imports and model alone"].append(_imports())
        with running((ours(),), work.LINEAR, problems) as servers:
            small["mlmagic"].append(servers[0].seconds)
    small = {name: values[1:] for name, values in small.items()}  # the first filled caches
    second = Finding(
        "scikit-learn script: start to first 200",
        "≤ imports + 0.15 s",
        "s",
        small,
        "less",
        "mlmagic",
    )
    pairs = zip(small["mlmagic"], small["its imports and model alone"], strict=True)
    more = statistics.median(ours_ - alone for ours_, alone in pairs)
    second.reached = more <= 0.15
    second.note = f"{more:.3f} s more than its imports and model alone"
    yield second
    third = Finding("trivial script: resident memory", "≤ 45 MiB", "MiB", memory, "less")
    third.reached = third.median() <= 45
    yield third


def _ask_once(server: Running) -> None:
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(server.url, server.body, headers)
    with urllib.request.urlopen(asked) as answer:
        answer.read()


def _imports() -> float:
    """Seconds from a process' start until the script's libraries and model are loaded.

    The model is loaded, as init() does it: that imports what the class needs. The process says
    itself when it is done; its end takes time of its own.
    """
    code = "import work; work.load(); print(flush=True)"
    command = [str(ours().home / "bin" / "python"), "-c", code]
    with tempfile.TemporaryDirectory() as folder:
        prepare(ours(), work.LINEAR, Path(folder))
        began = time.perf_counter()
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            return time.perf_counter() - began


def stops(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """SIGTERM with requests in flight."""
    lost: dict[str, list[float]] = {}
    took: list[float] = []
    for _ in range(budget.rounds):
        for peer in (ours(), THEIRS, FASTAPI):
            with running((peer,), work.SLEEP, problems) as servers:
                for server in servers:
                    seconds, gone = _stop_under_load(server, 16)
                    lost.setdefault(peer.name, []).append(gone)
                    if peer.name == "mlmagic":
                        took.append(seconds)
    finding = Finding("SIGTERM, 16 in flight: lost", "0", "of 16", lost, "less")
    finding.reached = max(lost["mlmagic"]) == 0 and max(took) <= 0.05 * 16 + 0.5
    finding.note = f"ours ended {max(took):.2f} s after the signal"
    yield finding


def _stop_under_load(server: Running, clients: int) -> tuple[float, float]:
    answered: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            connection.request("POST", "/score", server.body)
            answered.append(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(0.03)
    began = time.perf_counter()
    os.kill(server.process.pid, signal.SIGTERM)
    for thread in threads:
        thread.join()
    server.process.wait(60)
    return time.perf_counter() - began, clients - answered.count(200)


def soaking(budget: Budget, problems: Problems) -> Iterator[Finding]:
    """Memory over a million requests."""
    answered, errors, memory = soak(budget.requests)
    finding = Finding(
        f"{budget.requests:,} requests: growth of the memory",
        "≤ 2 MiB, no error",
        "MiB",
        {"mlmagic": [memory[-1] - memory[0]]},
        "less",
    )
    finding.reached = finding.median() <= 2 and not errors
    finding.note = f"{answered:,} answered, {errors} errors, {memory[0]:.1f} MiB after the first "
    finding.note += f"five seconds, {memory[-1]:.1f} MiB at the end"
    yield finding


MEASURES = (
    *(trivial, linear, forest, waiting, rows, numbers, batches, workers, starts, stops),
    soaking,
)
