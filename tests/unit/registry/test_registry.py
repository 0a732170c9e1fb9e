"""Versions, idempotence, metadata, bad input."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlmagic.entities import Lineage
from mlmagic.errors import (
    ModelInUseError,
    ModelNotFoundError,
    RegistryError,
    UnsafeModelError,
    UsageError,
)
from mlmagic.registry import ContentStore, Registry


def test_the_life_of_a_model(registry, weights, tmp_path):
    made = registry.register(
        weights,
        name="net",
        tags={"area": "health"},
        properties={"source": "trial"},
        description="A net",
        sample={"data": [1]},
        lineage=Lineage(git_commit="abc", execution_count=3),
    )
    assert made.outcome == "registered"
    model = registry.get("net")
    assert model == made.model == registry.get("net:1")
    assert (model.id, model.files[0].path, model.size) == ("net:1", "weights.bin", 5)
    assert model.lineage.execution_count == 3
    assert json.loads(registry.content.read_bytes(model.sample.content)) == {"data": [1]}
    assert registry.download("net", tmp_path / "out") == tmp_path / "out" / "weights.bin"
    assert (tmp_path / "out" / "weights.bin").read_bytes() == b"1 2 3"
    with pytest.raises(RegistryError, match=r"weights.bin' exists already"):
        registry.download("net", tmp_path / "out")
    registry.download("net", tmp_path / "out", overwrite=True)
    with pytest.raises(ModelInUseError, match=r"'net:1' cannot be deleted: it is used by 'svc'"):
        registry.delete("net", used_by=["svc"])
    assert registry.delete("net:1").id == "net:1"
    assert registry.names() == []
    weights.write_bytes(b"new")
    assert registry.register(weights, name="net").model.version == 2


def test_equal_content_is_the_same_version(registry, weights):
    first = registry.register(weights, name="net", sample=[1], tags={"a": "1"})
    assert (
        registry.register(weights, name="net", sample=[1], tags={"a": "1"}).outcome == "unchanged"
    )
    assert registry.register(weights, name="net").model == first.model
    updated = registry.register(weights, name="net", tags={"b": "2"}, description="D")
    assert (updated.outcome, updated.model.version) == ("updated", 1)
    assert registry.get("net").tags == {"a": "1", "b": "2"}
    assert registry.get("net").description == "D"
    assert registry.register(weights, name="net", sample=[2]).model.version == 2
    assert registry.register(weights, name="net", sample=[1]).model.version == 1
    assert registry.register(weights, name="net", properties={"p": "1"}).model.version == 3
    assert registry.register(weights, name="net", new_version=True).model.version == 4
    assert registry.register(weights, name="other").model.version == 1
    assert registry.versions("net") == [1, 2, 3, 4]


def test_folders_and_several_files(registry, weights, tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "a").write_text("a")
    folder = registry.register(tmp_path / "net", name="folder").model
    assert [file.path for file in folder.files] == ["net/a"]
    several = registry.register([weights, tmp_path / "net"], name="several").model
    assert [file.path for file in several.files] == ["net/a", "weights.bin"]
    assert registry.download("folder", tmp_path / "out") == tmp_path / "out" / "net"
    assert registry.download("several", tmp_path / "more") == tmp_path / "more"
    assert registry.register(str(weights), name="text").model.files[0].path == "weights.bin"


def test_list(registry, weights):
    registry.register(weights, name="a", tags={"x": "1"})
    registry.register(weights, name="a", new_version=True, tags={"x": "2"}, properties={"p": "1"})
    registry.register(weights, name="b")
    ids = lambda **filters: [model.id for model in registry.list(**filters)]  # noqa: E731
    assert ids() == ["a:1", "a:2", "b:1"]
    assert ids(latest=True) == ["a:2", "b:1"]
    assert ids(name="a", tags=["x=1"]) == ids(tags=["x=1"], latest=True) == ["a:1"]
    assert ids(tags=["x"], properties=["p=1"]) == ["a:2"]
    with pytest.raises(UsageError, match="'a' is not the id of a model"):
        ids(ids=["b:1", "a"])


def test_update(registry, weights):
    registry.register(weights, name="net", tags={"a": "1"}, properties={"p": "1"})
    model = registry.update("net", description="D", add_tags={"b": "2"}, remove_tags=["a"])
    assert (model.tags, model.description) == ({"b": "2"}, "D")
    assert registry.update("net", add_properties={"q": "2"}).properties == {"p": "1", "q": "2"}
    with pytest.raises(RegistryError, match=r"properties .* are immutable, .*: p\."):
        registry.update("net", add_properties={"p": "3"})
    with pytest.raises(RegistryError, match="'net:1' has no tag 'zz'"):
        registry.update("net", remove_tags=["zz"])
    assert registry.get("net") == replace(model, properties={"p": "1", "q": "2"})


def test_unknown_references_name_what_exists(registry, weights):
    with pytest.raises(ModelNotFoundError, match="There are none yet"):
        registry.get("net")
    registry.register(weights, name="network")
    with pytest.raises(ModelNotFoundError, match=r"Did you mean 'network'"):
        registry.get("netwrok")
    with pytest.raises(ModelNotFoundError, match=r"'network:7' does not exist\. There is"):
        registry.get("network:7")
    for bad in ("network:x", "network:0", "network:-1", "network:"):
        with pytest.raises(RegistryError, match="is not a model reference"):
            registry.get(bad)


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a:1", "ä", "a" * 256, "a\n"])
def test_bad_names_are_refused_with_the_rule(registry, weights, name):
    with pytest.raises(RegistryError, match=r"is not valid\. A name has 1 to 255"):
        registry.register(weights, name=name)


def test_bad_metadata_is_refused_before_anything_is_stored(registry, weights):
    with pytest.raises(RegistryError, match="'latest' is reserved"):
        registry.register(weights, name="latest")
    with pytest.raises(RegistryError, match="The value of 'a' in the tags is a 'list'"):
        registry.register(weights, name="net", tags={"a": []})
    with pytest.raises(RegistryError, match="must be a mapping"):
        registry.register(weights, name="net", properties=["a"])
    with pytest.raises(UsageError, match=r"'sklern' is not known\. Did you mean 'scikit-learn'"):
        registry.register(weights, name="net", framework="sklern")
    with pytest.raises(UsageError, match="without a framework"):
        registry.register(weights, name="net", framework_version="1")
    assert list(registry.content.digests()) == []
    model = registry.register(
        weights, name="net", framework="ScikitLearn", framework_version="1.0"
    ).model
    assert (model.framework, model.framework_version) == ("scikit-learn", "1.0")


def test_an_unsafe_pickle_is_refused_until_trusted(registry, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04cmaster\nCommand\n.")
    with pytest.raises(UnsafeModelError) as caught:
        registry.register(path, name="net")
    text = str(caught.value)
    assert "'master.Command' in the file 'model.pkl' at byte 2 is outside the allow-list" in text
    assert "safe format" in text
    assert "--trust" in text
    assert registry.names() == []
    registry.register(path, name="net", trust="from our own cluster")
    (decision,) = registry.trust.decisions()
    assert decision.names == ("master.Command",)
    assert (decision.model, decision.reason) == ("net", "from our own cluster")
    assert decision.sha256 == registry.get("net").files[0].sha256
    assert oct((tmp_path / ".mlmagic" / "trust.json").stat().st_mode)[-3:] == "600"
    # The decision holds for these bytes, not for others.
    assert registry.register(path, name="again").outcome == "registered"
    path.write_bytes(b"\x80\x04cmaster\nCommand\n0N.")
    with pytest.raises(UnsafeModelError):
        registry.register(path, name="net")


def test_pickles_are_found_in_folders_and_under_other_names(registry, tmp_path):
    (tmp_path / "net" / "deep").mkdir(parents=True)
    (tmp_path / "net" / "deep" / "weights.bin").write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(UnsafeModelError, match=r"'os.system' in the file 'net/deep/weights.bin'"):
        registry.register(tmp_path / "net", name="net")


class OfTheNotebook:
    pass


def test_a_class_of_the_notebook_is_explained(registry, monkeypatch):
    monkeypatch.setattr(OfTheNotebook, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "OfTheNotebook", OfTheNotebook, raising=False)
    with pytest.raises(UnsafeModelError, match="is defined in the notebook"):
        registry.register(OfTheNotebook(), name="net")
    with pytest.raises(RegistryError, match="cannot be saved"):
        registry.register(lambda: 1, name="net")


def test_an_older_version_of_equal_content_is_told_with_the_newest(registry, weights):
    assert registry.register(weights, name="net").newest == 1
    old = weights.read_bytes()
    weights.write_bytes(b"new")
    assert registry.register(weights, name="net").newest == 2
    weights.write_bytes(old)
    again = registry.register(weights, name="net")
    assert (again.model.version, again.outcome, again.newest) == (1, "unchanged", 2)


def test_plain_objects_are_pickled(registry):
    model = registry.register({"weights": [1.0, 2.0]}, name="net").model
    assert (model.framework, model.loader, model.files[0].path) == ("custom", "pickle", "model.pkl")
    assert pickle.loads(registry.content.read_bytes(model.files[0])) == {"weights": [1.0, 2.0]}
    assert registry.register({"weights": [1.0, 2.0]}, name="net").outcome == "unchanged"


def test_verify_finds_and_repairs(registry, weights):
    model = registry.register(weights, name="net", sample=[1]).model
    content = registry.content
    assert registry.verify().ok
    stored = content.path(model.files[0].sha256)
    stored.chmod(0o644)
    stored.write_bytes(b"1 2 4")
    content.path(model.sample.content.sha256).unlink()
    orphan = content.add_bytes(b"orphan", name="x")
    used = content.add_bytes(b"used by a service", name="x")
    half = content.root / "incoming" / "123-abc"
    half.write_bytes(b"half")
    report = registry.verify()
    assert not report.ok
    assert report.damaged == {"net:1": ("weights.bin",)}
    assert report.missing == {"net:1": ("sample",)}
    assert set(report.orphans) == {orphan.sha256, used.sha256}
    assert report.temporaries == ("123-abc",)
    # What is young may belong to a registration under way.
    assert len(registry.verify(repair=True, others={}).repaired) == 1
    for path in (content.path(orphan.sha256), content.path(used.sha256), half):
        os.utime(path, (1, 1))
    others = {"service 'svc'": [used]}
    assert len(registry.verify(repair=True, others=others).repaired) == 2
    assert registry.verify(others=others).orphans == ()
    content.path(used.sha256).unlink()
    assert registry.verify(others=others).missing["service 'svc'"] == ("x",)
    assert (
        registry.verify(others=others).missing.keys() == {"service 'svc'"} | report.missing.keys()
    )
    assert registry.register(weights, name="net", sample=[1]).outcome == "unchanged"
    assert registry.verify().ok
    assert registry.collect_garbage().damaged == ()
    (aside,) = content.set_aside()
    os.utime(aside, (1, 1))
    assert registry.collect_garbage().damaged == (model.files[0].sha256,)
    assert content.set_aside() == []


def test_a_damaged_database_is_told(tmp_path):
    (tmp_path / "registry.db").write_bytes(b"no database at all, but long enough to be read" * 40)
    registry = Registry(tmp_path, ContentStore(tmp_path / "content"))
    with pytest.raises(RegistryError, match=r"registry.db' is damaged"):
        registry.names()
    registry.close()


def test_the_journal_is_one_for_the_disk_where_the_database_lies(tmp_path, monkeypatch):
    share = SimpleNamespace(mountpoint=str(tmp_path / "share"), fstype="nfs4")
    monkeypatch.setattr("psutil.disk_partitions", lambda **_options: [share])
    for name, journal in (("share", "delete"), ("own", "wal")):
        (tmp_path / name).mkdir()
        url = f"sqlite:///{tmp_path / name}/team.db"
        registry = Registry(tmp_path / ".mlmagic", ContentStore(tmp_path), database_url=url)
        registry.list()
        registry.close()
        with closing(sqlite3.connect(tmp_path / name / "team.db")) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == (journal,)


def test_a_locked_database_is_told(registry, weights, monkeypatch):
    monkeypatch.setattr("mlmagic.registry.database._BUSY_MILLISECONDS", 100)
    registry.names()
    other = sqlite3.connect(registry.directory / "registry.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RegistryError, match="is locked by another process"):
        registry.register(weights, name="net")
    other.execute("COMMIT")
    other.close()
    registry.register(weights, name="net")


def test_a_later_schema_is_refused(registry):
    registry.names()
    other = sqlite3.connect(registry.directory / "registry.db")
    other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.commit()
    other.close()
    again = Registry(registry.directory, registry.content)
    with pytest.raises(RegistryError, match="written by a later version of mlmagic"):
        again.names()
    again.close()


def test_the_schema_of_the_code_is_that_of_the_migrations(registry):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from mlmagic.registry.tables import HEAD, metadata

    with registry.catalogue.database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture
def open_folder():
    """A folder that other users may enter, as those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        for path in [Path(folder), *Path(folder).rglob("*")]:
            path.chmod(0o755)


def test_a_read_only_workspace_can_be_read(open_folder):
    registry = Registry(open_folder / ".mlmagic", ContentStore(open_folder / ".mlmagic/content"))
    registry.register({"a": 1}, name="net")
    registry.close()
    for path in [open_folder, *open_folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    script = (
        "import os, sys, tempfile\n"
        "from pathlib import Path\n"
        "from mlmagic.registry import *\n"
        "with tempfile.TemporaryDirectory() as warm:\n"  # nobody may not read the interpreter
        "    Registry(Path(warm), ContentStore(Path(warm))).list()\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "registry = Registry(Path('.mlmagic'), ContentStore(Path('.mlmagic/content')))\n"
        "print([model.id for model in registry.list()])\n"
        "try: registry.update('net', description='x')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    lines = run(script, open_folder).splitlines()
    assert lines[0] == "['net:1']"
    assert lines[1].startswith(
        "RegistryError The registry '.mlmagic/registry.db' cannot be written"
    )


def test_the_room_is_light_until_used(registry, weights):
    heavy = "{'sqlalchemy', 'alembic', 'skops', 'sklearn', 'numpy', 'pandas'}"
    script = (
        "import sys; from pathlib import Path\n"
        "from mlmagic.registry import *\n"
        f"print(sorted({heavy} & set(sys.modules)))\n"
        "path = Path(sys.argv[1])\n"
        "registry = Registry(path, ContentStore(path / 'content')); registry.list()\n"
        f"print(sorted({heavy} & set(sys.modules)))\n"
    )
    registry.register(weights, name="net")
    assert run(script, registry.directory).splitlines() == ["[]", "['sqlalchemy']"]
