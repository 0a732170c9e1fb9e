"""How fast the registry is with 100,000 versions: ``python -m tests.benchmarks.registry``.

Measured on SQLite and on PostgreSQL, each beside mlflow's registry with as many versions.
PostgreSQL is Debian's, started here, or an empty database by its URL, then without mlflow. Printed,
never judged: wall time, and the time that this process computed, which other work on the machine
does not change.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import hashlib
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.registry import ContentStore, Registry, formats, tables
from mlmagic.registry.rows import content_rows, label_rows, metric_rows, model_row
from tests.registry.servers import run_postgresql

if TYPE_CHECKING:
    from collections.abc import Callable

VERSIONS, REPEATS = 50, 9
AREAS = ("health", "food", "cars", "trade")
PROCESSES, EACH = 8, 25

OPEN = """
import resource, sys
from pathlib import Path
from mlmagic.registry import ContentStore, Registry
folder, url, *rest = sys.argv[1:]
registry = Registry(Path(folder), ContentStore(Path(folder) / "content"), database_url=url or None)
"""
ONE_OF_MANY = f"""{OPEN}
registry.names()
print("ready", flush=True)
sys.stdin.readline()
for number in range({EACH}):
    registry.register({{"by": rest[0], "number": number}}, name="at-once")
"""
MEMORY = f"""{OPEN}
registry.register(rest[0], name="memory")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def fill(registry: Registry, folder: Path, names: int) -> None:
    """Put the versions there at once; registering each would take the fsync of each."""
    (folder / "seed").write_bytes(b"x" * 1000)
    seed = registry.register(folder / "seed", name="seed").model
    rows: dict[str, list[dict[str, object]]]
    rows = {"models": [], "labels": [], "metrics": [], "model_contents": []}
    pairs = itertools.product(range(names), range(1, VERSIONS + 1))
    for key, (name, version) in enumerate(pairs, start=10):
        tags = {"area": AREAS[version % 4], "stage": f"s{(name + version) % 10}"}
        lineage = dataclasses.replace(seed.lineage, metrics={"f1": key * 7919 % 100_003 / 100_003})
        model = dataclasses.replace(
            seed,
            name=f"model-{name:04}",
            version=version,
            tags=tags,
            lineage=lineage,
            created_at=seed.created_at + dt.timedelta(seconds=key * 104_729 % 1_000_003),
        )
        rows["models"].append({"id": key, **model_row(model)})
        rows["labels"] += label_rows(key, model)
        rows["metrics"] += metric_rows(key, model)
        rows["model_contents"] += content_rows(key, model)
    given = [{"name": f"model-{name:04}", "last_version": VERSIONS} for name in range(names)]
    with registry.catalogue.database.writing() as connection:
        for table, values in rows.items():
            for start in range(0, len(values), 5000):
                insert = tables.metadata.tables[table].insert()
                connection.execute(insert, values[start : start + 5000])
        connection.execute(tables.names.insert(), given)
        connection.exec_driver_sql("ANALYZE")
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT setval('models_id_seq', 1000000)")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell(what: str, action: Callable[[], object], repeats: int = REPEATS) -> None:
    times, computed = [], []
    for _ in range(repeats):
        begun, used = time.perf_counter(), time.process_time()
        action()
        computed.append((time.process_time() - used) * 1000)
        times.append((time.perf_counter() - begun) * 1000)
    say(
        f"{what:<44} {statistics.median(times):10.1f} ms   best {min(times):10.1f}"
        f"   computed {statistics.median(computed):10.1f}"
    )


def queries(registry: Registry, folder: Path) -> None:
    """One page each; what is registered is a file of 1 kB."""
    tell("list of one name", lambda: registry.list(name="model-0007"))
    tags = ["area=health", "stage=s3"]
    tell("filter by one tag, 100 of them", lambda: registry.list(tags=tags[:1], top=100))
    tell("filter by two tags, 100 of them", lambda: registry.list(tags=tags, top=100))
    tell("the newest of each name, 100 of them", lambda: registry.list(latest=True, top=100))
    tell("the newest of each name, all", lambda: registry.list(latest=True))
    middle = registry.count() // 2
    tell("a page of 100, in the middle", lambda: registry.list(top=100, skip=middle))
    for order in ("-metrics.f1", "-created_at"):
        tell(f"ordered by {order}, 100", lambda order=order: registry.list(order_by=order, top=100))
    number = itertools.count()

    def register() -> None:
        (folder / "small").write_bytes(b"%1000d" % next(number))
        registry.register(folder / "small", name="model-0001")

    tell("register 1 kB", register)


def at_once(registry: Registry, folder: Path, url: str | None) -> None:
    """Register from several processes, and look for every version."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_OF_MANY, str(folder), url or "", str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    begun = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    codes = [process.wait() for process in started]
    took, count = time.perf_counter() - begun, PROCESSES * EACH
    complete = registry.versions("at-once") == list(range(1, count + 1)) and not any(codes)
    say(
        f"{PROCESSES} processes register {count}: {count / took:.1f} a second,"
        f" {'nothing lost' if complete else 'INCOMPLETE'}"
    )


def large(registry: Registry, folder: Path, size: int) -> None:
    """Register a large file, beside what ``sha256sum`` and ``cp`` do."""
    path = folder / "large"
    block = hashlib.sha256(b"seed").digest() * (1 << 15)
    with path.open("wb") as stream:
        for number in range(size // len(block)):
            stream.write(number.to_bytes(8, "big") + block[8:])

    def digest() -> None:
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")

    def copy() -> None:
        shutil.copyfile(path, folder / "copy")
        with (folder / "copy").open("rb") as stream:
            os.fsync(stream.fileno())

    what = f"{size >> 20} MiB"
    tell(f"{what}: digest", digest, 3)
    tell(f"{what}: copy, and wait for the disk", copy, 3)
    tell(f"{what}: register", lambda: registry.register(path, name="large"), 1)
    tell(f"{what}: register again", lambda: registry.register(path, name="large"), 3)
    tell(f"{what}: inspect", lambda: formats.inspect_file(path, "large"), 3)
    (folder / "tiny").write_bytes(b"1")
    for file in (folder / "tiny", path):
        place = folder / f"memory-{file.name}"  # its own store: nothing is there yet
        command = [sys.executable, "-c", MEMORY, str(place), "", str(file)]
        most = int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        say(f"memory of a process that registers '{file.name}': {most / 1024:.0f} MiB")


def many(folder: Path, files: int) -> None:
    """Do everything with a folder of many files of 1 kB."""
    top = folder / "many"
    for number in range(files):
        path = top / f"{number // 1000}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%1000d" % number)
    registry = Registry(folder, ContentStore(folder / "content"))
    registry.names()
    steps: dict[str, Callable[[], object]] = {
        "register": lambda: registry.register(top, name="many"),
        "register again": lambda: registry.register(top, name="many"),
        "list": registry.list,
        "show": lambda: registry.get("many"),
        "place": lambda: registry.place(registry.get("many"), folder / "placed"),
        "download": lambda: registry.download("many", folder / "out"),
        "delete": lambda: registry.delete("many"),
        "collect": lambda: registry.collect_garbage(others=[], grace_seconds=-1),
    }
    for what, action in steps.items():
        tell(f"{files} files: {what}", action, 1)
    assert not [*registry.content.digests()]
    registry.close()


def beside(uri: str, count: int) -> None:
    """Ask mlflow's registry in an empty database the same, with as many versions."""
    import mlflow
    from sqlalchemy import create_engine, insert

    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    client.search_registered_models(max_results=1)  # makes the tables
    from mlflow.store.model_registry.dbmodels import models as tables

    names = [f"model-{name:04}" for name in range(count)]
    pairs = list(itertools.product(range(count), range(1, VERSIONS + 1)))
    versions = [{"name": names[name], "version": version, "source": "s"} for name, version in pairs]
    tags = [
        {"name": names[name], "version": version, "key": key, "value": value}
        for name, version in pairs
        for key, value in (
            ("area", AREAS[version % 4]),
            ("stage", f"s{(name + version) % 10}"),
        )
    ]
    engine = create_engine(uri)
    with engine.begin() as connection:
        connection.execute(insert(tables.SqlRegisteredModel), [{"name": name} for name in names])
        connection.execute(insert(tables.SqlModelVersion), versions)
        connection.execute(insert(tables.SqlModelVersionTag), tags)
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    search = client.search_model_versions
    tell("mlflow: list of one name", lambda: search("name='model-0007'"))
    both = "tags.area='health' and tags.stage='s3'"
    tell("mlflow: filter by two tags, 100 of them", lambda: search(both, max_results=100), 3)
    newest = client.search_registered_models
    tell("mlflow: the newest of each name, 100", lambda: newest(max_results=100), 3)
    tell("mlflow: a page of 100, the first", lambda: search(max_results=100), 3)
    tell("mlflow: register", lambda: client.create_model_version("model-0001", "s"))


def measure(what: str, folder: Path, url: str | None, wanted: argparse.Namespace) -> None:
    """Fill a registry and ask it; on SQLite, measure the store too."""
    say(f"--- {what}")
    folder.mkdir()
    registry = Registry(folder, ContentStore(folder / "content"), database_url=url)
    fill(registry, folder, wanted.names)
    queries(registry, folder)
    at_once(registry, folder, url)
    if url is None:
        large(registry, folder, wanted.mebibytes << 20)
    registry.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?", help="an empty database in PostgreSQL")
    parser.add_argument("--names", type=int, default=2000, help=f"each with {VERSIONS} versions")
    parser.add_argument("--mebibytes", type=int, default=1024, help="of the large file")
    parser.add_argument("--files", type=int, default=100_000, help="of the folder of many")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlmagic-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        measure("SQLite", folder / "sqlite", None, wanted)
        say("--- mlflow, on SQLite")
        beside(f"sqlite:///{folder / 'mlflow.db'}", wanted.names)
        with ExitStack() as stack:
            server = None if wanted.url else stack.enter_context(run_postgresql())
            url = server.database() if server else wanted.url
            measure("PostgreSQL", folder / "postgresql", url, wanted)
            if server:
                say("--- mlflow, on PostgreSQL")
                beside(server.database(), wanted.names)
        say("--- a folder of many files, on SQLite")
        many(folder / "files", wanted.files)


if __name__ == "__main__":
    main()
