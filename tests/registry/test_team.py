"""Many at one registry: alone on SQLite and a folder, as a team on PostgreSQL and S3."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy

from mlmagic.errors import ModelIntegrityError, ModelNotFoundError, RegistryError
from mlmagic.registry import ContentStore, catalogue, content, remote
from tests.registry.conftest import OPEN

MANY = f"""
{OPEN}
print("ready", flush=True)
sys.stdin.readline()
for number in range(4):
    made = registry.register({{"by": sys.argv[4], "number": number}}, name="net")
    registry.register({{"same": number}}, name="same")
    print(made.model.version, flush=True)
"""

KILLED = f"""
{OPEN}
from mlmagic.registry import catalogue, claims, remote, rows, sharing
from mlmagic.registry import content as store
registry.names()
def die(*_args, **_options):
    os.kill(os.getpid(), signal.SIGKILL)
def after(owner, name):
    original = getattr(owner, name)
    setattr(owner, name, lambda *args, **options: (original(*args, **options), die()))
moment = sys.argv[4]
if moment == "adopting":
    content._adopt = die
elif moment == "named":
    after(store, "sync_directory")
elif moment == "stored":
    registry.register_draft = die
elif moment == "claimed":
    after(registry.catalogue, "claim")
elif moment == "uploaded":
    after(remote.RemoteStore, "put")
elif moment == "locked":
    after(catalogue, "_lock_name")
elif moment == "numbered":
    after(catalogue, "_give_version")
elif moment == "inserted":
    after(catalogue, "insert_model")
tell = die if moment == "uploading" else None
registry.register(Path(sys.argv[5]), name="net", on_event=tell)
"""


def start(script, place, *arguments, member="one"):
    return subprocess.Popen(
        [sys.executable, "-c", script, *place.arguments(member), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=place.environment or None,
    )


def test_eight_processes_that_register_at_once_get_versions_of_their_own(place):
    workers = [start(MANY, place, number, member=f"user{number}") for number in range(8)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:  # none has opened the database yet: they migrate it at once, too
        worker.stdin.write("\n")
        worker.stdin.flush()
    given = [int(line) for worker in workers for line in worker.communicate()[0].split()]
    assert [worker.returncode for worker in workers] == [0] * 8
    registry = place.member()
    assert sorted(given) == registry.versions("net") == list(range(1, 33))
    assert registry.versions("same") == list(range(1, 5))
    assert registry.verify().ok


MOMENTS = ("adopting", "named", "stored", "locked", "numbered", "inserted")


@pytest.mark.parametrize("moment", [*MOMENTS, "claimed", "uploading", "uploaded"])
def test_a_killed_registration_leaves_nothing_visible(place, moment, tmp_path):
    if place.store_url is None and moment not in MOMENTS:
        moment = "stored"  # nothing is claimed or uploaded
    registry = place.member()
    registry.register({"a": 1}, name="net")
    big = tmp_path / "big"
    big.mkdir()
    for name in "abc":
        (big / name).write_text(name)
    if moment == "uploading":
        (big / "a").write_bytes(bytes([255]) * (40 << 20))
    killed = start(KILLED, place, moment, big)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert registry.versions("net") == [1]
    assert registry.verify().ok
    assert registry.register(big, name="net").model.version == 2
    assert registry.verify().ok
    registry.delete("net:2")
    for path in [*registry.content.temporaries(), *registry.content.root.glob("sha256/??/*")]:
        os.utime(path, (1, 1))
    garbage = registry.collect_garbage(others=[], grace_seconds=0)
    assert len(garbage.temporaries) == {"adopting": 3, "named": 2}.get(moment, 0)
    assert len([*garbage.contents, *garbage.shared]) == 3
    assert registry.verify().ok


CANCELLED = (
    (ContentStore, "_adopt"),
    (content, "sync_directory"),
    (catalogue, "_give_version"),
    (catalogue, "insert_model"),
)


@pytest.mark.parametrize(("owner", "moment"), CANCELLED, ids=[name for _, name in CANCELLED])
def test_a_cancelled_registration_leaves_nothing(place, owner, moment, monkeypatch):
    registry = place.member()
    registry.register({"a": 1}, name="net")
    original = getattr(owner, moment)

    def interrupted(*arguments, **options):
        original(*arguments, **options)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(owner, moment, interrupted)
        with pytest.raises(KeyboardInterrupt):
            registry.register({"a": 2}, name="net")
    assert registry.versions("net") == [1]
    assert registry.content.temporaries() == []
    assert registry.verify().ok
    assert registry.register({"a": 2}, name="net").model.version == 2


def test_a_cancelled_upload_takes_its_parts_back(team, s3, monkeypatch):
    monkeypatch.setattr(remote, "_PART", 5 << 20)  # S3's least
    registry = team.member()
    big = team.folder / "big"
    with big.open("wb") as stream:  # so large that it goes in parts
        stream.truncate(48 << 20)
    noted = threading.Event()
    lines = []

    def note(*arguments):
        noted.set()
        signal.default_int_handler(*arguments)

    def interrupt(line):  # in the thread that uploads
        lines.append(line)
        if not noted.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            assert noted.wait(60)

    before = signal.signal(signal.SIGINT, note)
    try:
        with pytest.raises(KeyboardInterrupt):
            registry.register(big, name="net", on_event=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "Ctrl-C again" in lines[-1]
    assert registry.names() == []
    assert s3.objects(team.store_url) == s3.parts(team.store_url) == []
    assert registry.register(big, name="net").model.version == 1
    assert registry.verify().ok


def test_another_member_finds_and_fetches(team):
    one, two = team.member("one"), team.member("two")
    made = one.register({"weights": [1.0]}, name="net", sample=[[1]], tags={"area": "health"})
    found = two.get("net")
    assert found == made.model
    assert not two.content.path(found.files[0].sha256).exists()
    assert two.download("net", team.folder / "out").read_bytes() == one.content.read_bytes(
        found.files[0]
    )
    assert two.content.is_cached(found.files[0].sha256)
    # A damaged copy here is fetched again.
    copy = two.content.path(found.files[0].sha256)
    copy.chmod(0o644)
    copy.write_bytes(b"x")
    two.download("net", team.folder / "again")
    assert two.register({"weights": [1.0]}, name="net").outcome == "unchanged"


# Not ru_maxrss: a child inherits its parent's, and that of a long test run is large.
FETCHING = """
import re, sys
from pathlib import Path
from mlmagic.entities import ContentFile
from mlmagic.registry import RemoteStore
url, sha256, size, destination = sys.argv[1:]
file = ContentFile(path="weights.bin", sha256=sha256, size=int(size))
RemoteStore(url).get(file, Path(destination))
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def test_a_large_model_is_fetched_without_having_it_in_memory(s3, tmp_path):
    url, size, sha256 = s3.bucket(), 512 << 20, "ab" * 32
    stored = s3.folder / "buckets" / url.removeprefix("s3://") / "sha256/ab" / sha256
    stored.parent.mkdir(parents=True)
    with stored.open("wb") as stream:  # a hole: nothing is written
        stream.truncate(size)
    command = [sys.executable, "-c", FETCHING, url, sha256, str(size), str(tmp_path / "got")]
    most = int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert (tmp_path / "got").stat().st_size == size
    assert most < size >> 10  # KiB; a client of S3 itself takes 110 MiB


def test_the_cache_keeps_within_its_bounds(team):
    one, two = team.member("one"), team.member("two", cache_bytes=2500)
    for number in range(4):
        path = team.folder / f"{number}.bin"
        path.write_bytes(bytes([number]) * 1000)
        one.register(path, name="net")
    for version in (1, 2):
        two.download(f"net:{version}", team.folder / "out", overwrite=True)
    for path in two.content.root.glob("sha256/??/*"):  # used an hour ago
        os.utime(path, (time.time() - 3600,) * 2)
    kept = two.content.add_bytes(bytes(1000), name="a file of a service's")
    assert not two.content.is_cached(kept.sha256)
    two.download("net:3", team.folder / "out", overwrite=True)
    cached = [digest for digest in two.content.digests() if two.content.is_cached(digest)]
    assert len(cached) == 2
    assert two.content.path(kept.sha256).exists()
    two.download("net:1", team.folder / "out", overwrite=True)


def test_garbage_collected_in_the_middle_is_uploaded_again(team, monkeypatch):
    one, two = team.member("one"), team.member("two")
    register = catalogue.Catalogue.register
    collected = []

    def collect_first(self, *arguments, **options):
        if not collected:
            collected.extend(two.collect_garbage(grace_seconds=-1).shared)
        return register(self, *arguments, **options)

    monkeypatch.setattr(catalogue.Catalogue, "register", collect_first)
    model = one.register({"a": 1}, name="net").model
    assert collected == [model.files[0].sha256]
    assert one.verify().ok
    assert two.collect_garbage(grace_seconds=-1).shared == ()


def test_an_uploader_waits_for_the_collector_and_uploads_again(team, s3):
    one, two = team.member("one"), team.member("two")
    model = one.register({"a": 1}, name="net").model
    one.delete("net:1")
    taking, taken = threading.Event(), threading.Event()
    remove = two.content.remote.remove

    def slowly(*where):
        taking.set()
        assert taken.wait(60)
        remove(*where)

    two.content.remote.remove = slowly
    collector = threading.Thread(target=two.collect_garbage, kwargs={"grace_seconds": -1})
    collector.start()
    assert taking.wait(60)
    uploader = threading.Thread(target=one.register, args=({"a": 1},), kwargs={"name": "net"})
    uploader.start()
    wait_for_a_lock(team.database_url)
    taken.set()
    collector.join(60)
    uploader.join(60)
    assert one.get("net").id == "net:2"
    assert [path.name for path in s3.objects(team.store_url)] == [model.files[0].sha256]
    assert one.verify().ok


def wait_for_a_lock(url):
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    waiting = sqlalchemy.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with engine.connect() as connection:
        for _ in range(1200):
            if connection.execute(waiting).scalar_one():
                break
            connection.rollback()
            time.sleep(0.05)
        else:
            raise AssertionError("nobody waits")
    engine.dispose()


def test_unclaimed_objects_are_young_when_they_are_first_seen(team, s3):
    registry = team.member()
    registry.register({"a": 1}, name="net")
    (stored,) = s3.objects(team.store_url)
    foreign = registry.content.add_bytes(b"put there by hand", name="x")
    registry.content.remote.put(foreign, registry.content.path(foreign.sha256))
    assert registry.collect_garbage(grace_seconds=3600).shared == ()
    assert registry.collect_garbage(grace_seconds=-1, dry_run=True).shared == (foreign.sha256,)
    assert registry.collect_garbage(grace_seconds=-1).shared == (foreign.sha256,)
    assert s3.objects(team.store_url) == [stored]


def test_a_collector_whose_clock_is_wrong_takes_nothing_young(team, monkeypatch):
    one, two = team.member("one"), team.member("two")
    model = one.register({"a": 1}, name="net").model
    one.delete("net:1")
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 86_400)
    assert two.collect_garbage(grace_seconds=3600).shared == ()
    monkeypatch.setattr(time, "time", lambda: now() - 86_400)
    assert two.collect_garbage(grace_seconds=-1).shared == (model.files[0].sha256,)


def test_verify_mends_the_shared_store_from_here(team, s3):
    one, two = team.member("one"), team.member("two")
    model = one.register({"a": 1}, name="net").model
    (stored,) = s3.objects(team.store_url)
    stored.write_bytes(b"half")
    assert two.verify().damaged == {"net:1": ("model.pkl",)}
    stored.unlink()
    assert two.verify().missing == {"net:1": ("model.pkl",)}
    assert "net:1" in two.verify(repair=True).missing  # two never had it
    with pytest.raises(ModelIntegrityError, match="missing from the store 's3://"):
        two.download("net", team.folder / "out")
    assert any("uploaded the content" in line for line in one.verify(repair=True).repaired)
    assert two.verify().ok
    (stored,) = s3.objects(team.store_url)
    same_size = bytes(stored.stat().st_size)
    stored.write_bytes(same_size)
    with pytest.raises(ModelIntegrityError, match=r"does not match its (digest|checksum)"):
        two.download("net", team.folder / "out")
    assert not (team.folder / "out").exists() or not any((team.folder / "out").iterdir())
    assert not two.content.path(model.files[0].sha256).exists()
    assert one.register({"a": 1}, name="net").outcome == "unchanged"
    assert two.download("net", team.folder / "out").is_file()
    stored.write_bytes(same_size)
    assert one.verify().ok  # by their sizes
    assert one.verify(repair=True).damaged == {"net:1": ("model.pkl",)}
    assert one.verify(repair=True).ok
    # What was set aside stays for the grace time.
    assert two.collect_garbage(grace_seconds=3600).damaged == ()
    assert two.collect_garbage(grace_seconds=-1, dry_run=True).damaged
    assert two.collect_garbage(grace_seconds=-1).damaged == (model.files[0].sha256,)
    assert one.collect_garbage(grace_seconds=-1).damaged == ()
    assert two.verify().ok


def test_a_store_that_goes_away_is_told_and_nothing_is_half_made(team, s3):
    registry = team.member()
    registry.register({"a": 1}, name="net")
    s3.stop()
    with pytest.raises(RegistryError, match="cannot be reached"):
        registry.register({"a": 2}, name="net")
    s3.start()
    assert registry.versions("net") == [1]
    assert registry.register({"a": 2}, name="net").model.version == 2


def test_a_database_that_goes_away_is_told(team, postgresql):
    registry = team.member()
    registry.register({"a": 1}, name="net")
    postgresql.stop()
    try:
        with pytest.raises(RegistryError, match="cannot be reached"):
            registry.register({"a": 2}, name="net")
        with pytest.raises(RegistryError, match="cannot be reached"):
            registry.list()
    finally:
        postgresql.start()
    assert registry.register({"a": 2}, name="net").model.version == 2


def test_wrong_credentials_and_buckets_are_told(team, monkeypatch):
    registry = team.member("two")
    registry.content.remote.url = "s3://no-such-bucket/ml"
    with pytest.raises(RegistryError, match=r"(does not exist|refuses.*): [^.]+\. \w"):
        registry.register({"a": 1}, name="net")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(RegistryError, match="refuses the credentials"):
        team.member("three").register({"a": 1}, name="net")
    with pytest.raises(ModelNotFoundError):
        registry.get("net")


def test_an_alias_moves_in_one_step(place):
    registry = place.member()
    for number in range(3):
        registry.register({"a": number}, name="net")
    registry.set_alias("net:1", "champion")
    seen = []
    done = threading.Event()

    def read():
        reader = place.member("reader")
        while not done.is_set():
            seen.append(reader.get("net@champion").version)
        reader.close()

    thread = threading.Thread(target=read)
    thread.start()
    for version in (2, 3, 2, 3):
        registry.set_alias(f"net:{version}", "champion")
    done.set()
    thread.join()
    assert {*seen} <= {1, 2, 3}
    assert registry.get("net@champion").id == "net:3"
    moves = registry.alias_history("net", "champion")
    assert [move.version for move in moves] == [1, 2, 3, 2, 3]
    assert {move.moved_by for move in moves} != {""}


def test_queries_are_the_same_on_both_databases(place):
    registry = place.member()
    for number, f1 in enumerate((0.5, 0.9, None, 0.7)):
        registry.register(
            {"a": number},
            name="net" if number < 3 else "other",
            tags={"area": "health" if number % 2 else "food", "n": str(number)},
            properties={"p": "x" * 300},
            description="Finds the Needle" if number == 1 else None,
            datasets={"training": ["data:1"]} if number == 2 else None,
        )
        if f1 is not None:
            edit = lambda model, f1=f1: replace(  # noqa: E731
                model,
                lineage=replace(
                    model.lineage, metrics={"f1": f1, "loss": math.nan}, run_id=f"run{f1}"
                ),
            )
            registry.change(f"net:{number + 1}" if number < 3 else "other:1", edit)
    ids = lambda **query: [model.id for model in registry.list(**query)]  # noqa: E731
    assert ids() == ["net:1", "net:2", "net:3", "other:1"]
    assert ids(tags=["area=health"]) == ["net:2", "other:1"]
    assert ids(tags=["area=health", "n=3"]) == ["other:1"]
    assert ids(properties=[f"p={'x' * 300}"], latest=True) == ["net:3", "other:1"]
    assert ids(properties=[f"p={'x' * 299}y"]) == []
    assert ids(search="NEEDLE finds") == ["net:2"]
    assert ids(search="100%") == ids(search="_") == []
    assert ids(dataset="data:1") == ["net:3"]
    assert ids(run_id="run0.9") == ["net:2"]
    some = ["net:1", "net:2", "other:1", "deleted:7", "a-file:0"]
    assert (ids(ids=some), ids(ids=[])) == (["net:1", "net:2", "other:1"], [])
    assert ids(ids=some, latest=True, tags=["n"], order_by="-metrics.f1", top=1) == ["net:2"]
    assert ids(order_by="-metrics.f1") == ["net:2", "other:1", "net:1", "net:3"]
    assert ids(order_by="metrics.f1") == ["net:1", "other:1", "net:2", "net:3"]
    assert ids(order_by="-metrics.f1", top=2) == ["net:2", "other:1"]
    assert ids(order_by="-metrics.f1", top=2, skip=2) == ["net:1", "net:3"]
    assert ids(order_by="-metrics.f1", skip=3) == ["net:3"]
    assert ids(order_by="-metrics.f1", top=1, skip=4) == []
    assert ids(order_by="-metrics.f1", latest=True) == ["other:1", "net:3"]
    assert ids(order_by="metrics.f1", tags=["area=health", "n"], name="net") == ["net:2"]
    assert ids(order_by="metrics.unknown", top=1) == ["net:1"]
    # JSON has no such number: what is not finite is not kept.
    assert registry.get("net:1").lineage.metrics == {"f1": 0.5}
    assert ids(order_by="-version", top=2) == ["net:3", "net:2"]
    assert ids(order_by="-created_at", tags=["area"], top=1) == ["other:1"]
    assert ids(order_by="framework", framework="Custom", top=1, skip=1) == ["net:2"]
    assert ids(top=2, skip=1) == ["net:2", "net:3"]
    assert registry.count(tags=["area"]) == 4
    assert registry.count(latest=True) == 2
    assert registry.count(tags=["area=food"], search="net") == 2
    assert registry.count(tags=["area"], properties=[f"p={'x' * 300}"], latest=True) == 2
    registry.archive("net:3")
    assert ids(latest=True) == ["net:2", "other:1"]
    assert registry.get("net").id == "net:2"
    assert registry.get("net:3").archived
    assert ids(archived=True, name="net") == ["net:1", "net:2", "net:3"]
    assert ids(tags=["area=food"]) == ["net:1"]
    assert ids(tags=["area=food"], archived=True) == ["net:1", "net:3"]
    assert ids(order_by="metrics.f1") == ["net:1", "other:1", "net:2"]
    assert not registry.archive("net:3", restore=True).archived
    registry.delete("other:1")
    assert ids(latest=True) == ids(latest=True, order_by="-version") == ["net:3"]
    assert registry.count(latest=True) == 1
    with pytest.raises(RegistryError.__base__, match="cannot be ordered by 'vresion'"):
        registry.list(order_by="vresion")
