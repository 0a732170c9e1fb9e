"""How fast the registry is with 100,000 versions: ``python -m tests.benchmarks.registry [URL]``.

Without a URL the catalogue is SQLite in a new folder; a PostgreSQL database has to be empty. On
SQLite mlflow's registry is measured beside it, with as many versions. Printed, never judged: wall
time, and the time that this process computed, which other work on the machine does not change.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.registry import ContentStore, Registry, formats, tables
from mlmagic.registry.rows import content_rows, label_rows, model_row

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES, VERSIONS, REPEATS = 2000, 50, 9
AREAS = ("health", "food", "cars", "trade")
_LARGE = 1 << 30
_FILES = 100_000


def fill(registry: Registry, folder: Path) -> None:
    """Put the versions there at once; registering each would take the fsync of each."""
    (folder / "seed").write_bytes(b"x" * 1000)
    seed = registry.register(folder / "seed", name="seed").model
    rows: dict[str, list[dict[str, object]]] = {"models": [], "labels": [], "model_contents": []}
    pairs = itertools.product(range(NAMES), range(1, VERSIONS + 1))
    for key, (name, version) in enumerate(pairs, start=10):
        tags = {"area": AREAS[version % 4], "stage": f"s{(name + version) % 10}"}
        model = dataclasses.replace(seed, name=f"model-{name:04}", version=version, tags=tags)
        rows["models"].append({"id": key, **model_row(model)})
        rows["labels"] += label_rows(key, model)
        rows["model_contents"] += content_rows(key, model)
    given = [{"name": f"model-{name:04}", "last_version": VERSIONS} for name in range(NAMES)]
    with registry.catalogue.database.writing() as connection:
        for table, values in rows.items():
            for start in range(0, len(values), 5000):
                insert = tables.metadata.tables[table].insert()
                connection.execute(insert, values[start : start + 5000])
        connection.execute(tables.names.insert(), given)
        connection.exec_driver_sql("ANALYZE")
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT setval('models_id_seq', 1000000)")


def tell(what: str, action: Callable[[], object], repeats: int = REPEATS) -> None:
    times, computed = [], []
    for _ in range(repeats):
        begun, used = time.perf_counter(), time.process_time()
        action()
        computed.append((time.process_time() - used) * 1000)
        times.append((time.perf_counter() - begun) * 1000)
    sys.stdout.write(
        f"{what:<44} {statistics.median(times):10.1f} ms   best {min(times):10.1f}"
        f"   computed {statistics.median(computed):10.1f}\n"
    )
    sys.stdout.flush()


def queries(registry: Registry, folder: Path) -> None:
    """One page each; what is registered is a file of 1 kB."""
    tell("list of one name", lambda: registry.list(name="model-0777"))
    tags = ["area=health", "stage=s3"]
    tell("filter by two tags, 100 of them", lambda: registry.list(tags=tags, top=100))
    tell("the newest of each name, 100 of them", lambda: registry.list(latest=True, top=100))
    tell("a page of 100, in the middle", lambda: registry.list(top=100, skip=50_000))
    number = itertools.count()

    def register() -> None:
        (folder / "small").write_bytes(b"%1000d" % next(number))
        registry.register(folder / "small", name="model-0001")

    tell("register 1 kB", register)


def large(registry: Registry, folder: Path) -> None:
    """Register 1 GiB, beside what ``sha256sum`` and ``cp`` do."""
    path = folder / "large"
    block = hashlib.sha256(b"seed").digest() * (1 << 15)
    with path.open("wb") as stream:
        for number in range(_LARGE // len(block)):
            stream.write(number.to_bytes(8, "big") + block[8:])

    def digest() -> None:
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")

    tell("1 GiB: digest", digest, 3)
    tell("1 GiB: copy", lambda: shutil.copyfile(path, folder / "copy"), 3)
    tell("1 GiB: register", lambda: registry.register(path, name="large"), 1)
    tell("1 GiB: register again", lambda: registry.register(path, name="large"), 3)
    tell("1 GiB: inspect", lambda: formats.inspect_file(path, "large"), 3)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"memory at most {memory / 1024:.0f} MiB\n")


def many(registry: Registry, folder: Path) -> None:
    """Register and place a folder of 100,000 small files."""
    top = folder / "many"
    for number in range(_FILES):
        path = top / f"{number // 1000}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}")
    tell(f"{_FILES} files: register", lambda: registry.register(top, name="many"), 1)
    tell(f"{_FILES} files: show", lambda: registry.get("many"), 3)
    model = registry.get("many")
    tell(f"{_FILES} files: place", lambda: registry.place(model, folder / "placed"), 1)


def beside(folder: Path) -> None:
    """Ask mlflow's registry the same, with as many versions."""
    import mlflow
    from sqlalchemy import create_engine, insert

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    client.search_registered_models(max_results=1)  # makes the tables
    from mlflow.store.model_registry.dbmodels import models as tables

    names = [f"model-{name:04}" for name in range(NAMES)]
    pairs = list(itertools.product(range(NAMES), range(1, VERSIONS + 1)))
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
    tell("mlflow: list of one name", lambda: search("name='model-0777'"))
    both = "tags.area='health' and tags.stage='s3'"
    tell("mlflow: filter by two tags, 100 of them", lambda: search(both, max_results=100), 3)
    newest = client.search_registered_models
    tell("mlflow: the newest of each name, 100", lambda: newest(max_results=100), 3)
    tell("mlflow: a page of 100, the first", lambda: search(max_results=100), 3)
    tell("mlflow: register", lambda: client.create_model_version("model-0001", "s"))


def main() -> None:
    """Measure and print."""
    url = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(prefix="mlmagic-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        registry = Registry(folder, ContentStore(folder / "content"), database_url=url)
        fill(registry, folder)
        queries(registry, folder)
        large(registry, folder)
        many(registry, folder)
        registry.close()
        if url is None:
            beside(folder)


if __name__ == "__main__":
    main()
