"""What would make the code hard to read: long files, and rooms whose name says nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 500
SOURCES = {".py", ".ts", ".mjs", ".css"}


def committed(*patterns: str) -> list[Path]:
    """The files under version control; a source archive has none and skips."""
    answer = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode:
        pytest.skip("not a git checkout")
    return [path for line in answer.stdout.splitlines() if (path := ROOT / line).is_file()]


def test_no_source_file_is_too_long():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in committed()
        if path.suffix in SOURCES and "static" not in path.parts
    }
    assert {name: count for name, count in lengths.items() if count > LONGEST} == {}


def test_no_room_is_called_by_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in committed("mlmagic") if path.stem.strip("_") in empty] == []


def test_no_committed_file_names_a_package_registry():
    """Registries are the user's choice; locks and sources work with any mirror."""
    hosts = [b"pypi." + b"org", b"python" + b"hosted", b"registry.npm" + b"js"]
    found = [
        str(path.relative_to(ROOT))
        for path in committed()
        if any(host in path.read_bytes() for host in hosts)
    ]
    assert found == []
