"""Contents are stored once, whole and read-only."""

from __future__ import annotations

import hashlib
import os
import resource
import stat
import subprocess
import sys
import textwrap

import pytest

from mlmagic.errors import ModelIntegrityError, RegistryError


def test_a_file_is_stored_once_under_its_digest(content, tmp_path):
    (tmp_path / "a").write_bytes(b"same")
    first = content.add(tmp_path / "a", name="x/a")
    second = content.add_bytes(b"same", name="b")
    assert (first.path, second.path) == ("x/a", "b")
    assert first.sha256 == second.sha256 == hashlib.sha256(b"same").hexdigest()
    assert first.size == 4
    assert list(content.digests()) == [first.sha256]
    assert content.temporaries() == []
    assert stat.S_IMODE(content.path(first.sha256).stat().st_mode) == 0o444
    assert content.read_bytes(first) == b"same"


def test_placing_links_or_copies(content, tmp_path):
    file = content.add_bytes(b"data", name="a")
    content.place(file, tmp_path / "deep" / "linked")
    content.place(file, tmp_path / "copied", link=False)
    content.place(file, tmp_path / "deep" / "linked")  # again, over itself
    stored = content.path(file.sha256)
    assert (tmp_path / "deep" / "linked").samefile(stored)
    assert not (tmp_path / "copied").samefile(stored)
    assert os.access(tmp_path / "copied", os.W_OK)
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["linked"]


def test_damage_is_found_and_mended_by_adding_again(content, tmp_path):
    file = content.add_bytes(b"data", name="a")
    stored = content.path(file.sha256)
    stored.chmod(0o644)
    stored.write_bytes(b"dada")
    for look in (
        lambda: content.place(file, tmp_path / "out"),
        lambda: content.read_bytes(file),
        lambda: content.check(file),
    ):
        with pytest.raises(ModelIntegrityError, match="does not match its digest"):
            look()
    assert not (tmp_path / "out").exists()
    content.add_bytes(b"data", name="a")
    content.place(file, tmp_path / "out")
    stored.unlink()
    with pytest.raises(ModelIntegrityError, match="missing"):
        content.place(file, tmp_path / "other")


def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path):
    script = """
        import resource, sys
        from pathlib import Path
        from mlmagic.errors import RegistryError
        from mlmagic.registry import ContentStore
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        store = ContentStore(Path(sys.argv[1]))
        try:
            store.add_bytes(bytes(3 << 20), name="big")
        except RegistryError as error:
            print(error)
        print(store.temporaries(), list(store.digests()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the file would be too large" in done.stdout
    assert done.stdout.endswith("[] []\n")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1 << 20


def test_a_file_that_vanished_is_named(content, tmp_path):
    with pytest.raises(RegistryError, match=f"'{tmp_path}/none' cannot be read"):
        content.add(tmp_path / "none", name="none")
