"""Paths to files, in the layout of Azure ML v1; what is refused and how it is said."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mlmagic.errors import RegistryError
from mlmagic.registry.sources import collect


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net" / "sub").mkdir(parents=True)
    (tmp_path / "net" / "a.bin").write_bytes(b"a")
    (tmp_path / "net" / "sub" / "b.bin").write_bytes(b"b")
    return tmp_path / "net"


def test_layout(folder, tmp_path, monkeypatch):
    (tmp_path / "one.txt").write_text("1")
    assert list(collect([tmp_path / "one.txt"])) == ["one.txt"]
    assert list(collect([folder])) == ["net/a.bin", "net/sub/b.bin"]
    assert list(collect([folder / "a.bin", folder / "sub"])) == ["a.bin", "sub/b.bin"]
    monkeypatch.chdir(folder)
    assert list(collect([type(folder)()])) == ["net/a.bin", "net/sub/b.bin"]


def test_links_inside_are_followed(folder):
    (folder / "link").symlink_to("a.bin")
    (folder / "again").symlink_to("sub")
    assert "net/link" in collect([folder])
    assert "net/again/b.bin" in collect([folder])


def refused(path, words):
    with pytest.raises(RegistryError) as caught:
        collect([path])
    assert words in str(caught.value)


def test_refusals_name_the_path(folder, tmp_path):
    refused(tmp_path / "none", f"The model path '{tmp_path}/none' does not exist")
    (tmp_path / "empty" / "more").mkdir(parents=True)
    refused(tmp_path / "empty", f"The folder '{tmp_path}/empty' is empty")
    (tmp_path / "secret").write_text("x")
    (folder / "out").symlink_to("../secret")
    refused(folder, f"The link '{folder}/out' leads outside the folder, to '{tmp_path}/secret'")
    (folder / "out").unlink()
    (folder / "loop").symlink_to(".")
    refused(folder, f"The link '{folder}/loop' leads back")
    (folder / "loop").unlink()
    (folder / "broken").symlink_to("nowhere")
    refused(folder, f"'{folder}/broken' cannot be read")
    (folder / "broken").unlink()
    os.mkfifo(folder / "pipe")
    refused(folder, f"'{folder}/pipe' is neither a file nor a folder")
    (folder / "pipe").unlink()
    (folder / "a\nb").write_text("x")
    refused(folder, "characters that cannot be stored")


def test_two_files_of_one_name_are_refused(folder):
    (folder / "sub" / "a.bin").write_bytes(b"c")
    with pytest.raises(RegistryError, match=r"would both be stored as 'a.bin'"):
        collect([folder / "a.bin", folder / "sub" / "a.bin"])
    with pytest.raises(RegistryError, match="No files"):
        collect([])


def test_unreadable_file_is_refused(tmp_path):
    (tmp_path / "locked.bin").write_bytes(b"x")
    (tmp_path / "locked.bin").chmod(0)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from mlmagic.registry.sources import collect\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: collect([Path('locked.bin')])\n"
        "except Exception as error: print(error)\n"
    )
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False
    )
    assert "The file 'locked.bin' cannot be read" in done.stdout + done.stderr
