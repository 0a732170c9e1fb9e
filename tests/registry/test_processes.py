"""Several processes at one registry, and processes that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from mlmagic.registry import ContentStore, Registry

MANY = """
    import sys
    from pathlib import Path
    from mlmagic.registry import ContentStore, Registry
    directory = Path(sys.argv[1])
    registry = Registry(directory, ContentStore(directory / "content"))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(4):
        made = registry.register({"by": sys.argv[2], "number": number}, name="net")
        registry.register({"same": number}, name="same")
        print(made.model.version, flush=True)
"""

# Killed at the moment named: while bytes are written, before the row, before the commit.
KILLED = """
    import os, signal, sys
    from pathlib import Path
    from mlmagic.registry import ContentStore, Registry, catalogue, content
    directory = Path(sys.argv[1])
    registry = Registry(directory, ContentStore(directory / "content"))
    registry.names()
    def die(*_args, **_options):
        os.kill(os.getpid(), signal.SIGKILL)
    owner, name = {
        "writing": (content.ContentStore, "_adopt"),
        "stored": (catalogue.Catalogue, "register"),
        "inserted": (catalogue, "replace"),
    }[sys.argv[2]]
    if sys.argv[2] == "inserted":
        version = catalogue._next_version
        catalogue._next_version = lambda *args: (version(*args), die())
    else:
        setattr(owner, name, die)
    registry.register({"a": 2}, name="net")
"""


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path, ContentStore(tmp_path / "content"))
    yield registry
    registry.close()


def test_processes_that_register_at_once_get_versions_of_their_own(tmp_path, registry):
    workers = [start(MANY, tmp_path, number) for number in range(3)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:  # none has opened the database yet: they migrate it at once, too
        worker.stdin.write("\n")
        worker.stdin.flush()
    given = [int(line) for worker in workers for line in worker.communicate()[0].split()]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sorted(given) == registry.versions("net") == list(range(1, 13))
    assert registry.versions("same") == list(range(1, 5))
    assert registry.verify().ok


@pytest.mark.parametrize("moment", ["writing", "stored", "inserted"])
def test_a_killed_registration_leaves_nothing_visible(tmp_path, registry, moment):
    registry.register({"a": 1}, name="net")
    killed = start(KILLED, tmp_path, moment)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert registry.versions("net") == [1]
    report = registry.verify()
    assert report.ok
    assert len(report.temporaries) == (moment == "writing")
    assert len(report.orphans) == (moment != "writing")
    assert registry.register({"a": 2}, name="net").model.version == 2
    assert registry.verify().orphans == ()
