"""Where packages of a lock come from; the interpreter that runs the tests is the kernel."""

import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlmagic.entities import Environment, Lock
from mlmagic.environments import EnvironmentEntry, locked_packages, locked_versions
from mlmagic.environments.distributions import installed
from mlmagic.environments.wheels import pack
from mlmagic.presentation import present

ANYWIDGET = importlib.metadata.version("anywidget")
TEXT = f"""\
anywidget=={ANYWIDGET} \\
    --hash=sha256:00
by-address @ https://example.com/by_address-2.1-py3-none-any.whl#sha256=00
ours==0.3 \\
    --hash=sha256:00
traitlets==0.0.1 ; python_version > "3"
uvicorn==0.40.0
versioned @ git+https://git@example.com/a/versioned@0123456789abcdef0123456789abcdef01234567
"""


def an_entry(tmp_path: Path) -> EnvironmentEntry:
    wheel = tmp_path / "ours-0.3-py3-none-any.whl"
    wheel.write_bytes(b"not opened")
    packed = pack(wheel, tmp_path / "wheels", name="ours")
    return EnvironmentEntry(
        name="given",
        kind="defined",
        environment=Environment(name="given", requirements=("anywidget>=0.9", "ours")),
        lock=Lock(
            identity="ab" * 32,
            text=TEXT,
            python_version="3.11",
            platform="linux-x86_64",
            index_options=(packed.option,),
        ),
    )


def test_each_package_tells_where_it_comes_from_and_why(tmp_path: Path) -> None:
    found = locked_packages(an_entry(tmp_path))
    assert [(each.name, each.version, each.origin, each.reason) for each in found] == [
        ("anywidget", ANYWIDGET, "index", "required"),
        ("by-address", "2.1", "address", "brought in"),
        ("ours", "0.3", "wheel", "required"),
        ("traitlets", "0.0.1", "index", "brought in"),
        ("uvicorn", "0.40.0", "index", "scoring server"),
        ("versioned", "0123456789", "git", "brought in"),
    ]
    by_name = {each.name: each for each in found}
    assert not by_name["anywidget"].differs
    assert by_name["traitlets"].differs
    assert by_name["versioned"].here is None
    assert by_name["versioned"].differs
    assert by_name["ours"].place == "ours-0.3-py3-none-any.whl"
    assert by_name["by-address"].place.startswith("https://example.com/")


COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIT = "https://git@example.com/a/versioned"
ARCHIVE = "https://example.com/archived/main.tar.gz"


def record_of_git(commit: str) -> dict[str, object]:
    return {"url": GIT, "vcs_info": {"vcs": "git", "commit_id": commit}}


@pytest.mark.parametrize(
    ("name", "pin", "record", "differs"),
    [
        ("versioned", f"git+{GIT}@{COMMIT}", record_of_git(COMMIT), False),
        ("versioned", f"git+{GIT}@{COMMIT}", record_of_git(COMMIT[::-1]), True),
        ("versioned", f"git+{GIT}@{COMMIT}#subdirectory=p", record_of_git(COMMIT), False),
        ("versioned", f"git+{GIT}@{COMMIT}", None, True),
        ("archived", ARCHIVE, {"url": ARCHIVE, "archive_info": {}}, False),
        ("archived", f"{ARCHIVE}#sha256=00", {"url": ARCHIVE, "archive_info": {}}, False),
        ("archived", ARCHIVE, {"url": f"{ARCHIVE}.xz", "archive_info": {}}, True),
        ("archived", ARCHIVE, None, True),
    ],
)
def test_the_same_commit_or_address_here_is_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    pin: str,
    record: dict[str, object] | None,
    differs: bool,
) -> None:
    metadata = tmp_path / f"{name}-1.2.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n")
    if record:
        (metadata / "direct_url.json").write_text(json.dumps(record))
    monkeypatch.syspath_prepend(tmp_path)
    entry = replace(
        an_entry(tmp_path),
        lock=Lock(
            identity="ab" * 32,
            text=f"{name} @ {pin}\n",
            python_version="3.11",
            platform="linux-x86_64",
        ),
    )
    (found,) = locked_packages(entry)
    assert found.here is not None
    assert found.differs is differs
    (line,) = [line for line in present(entry).text.splitlines() if line.startswith(f"{name} ")]
    assert ("same" in line) is not differs


def test_another_lock_is_told_in_the_same_words(tmp_path: Path) -> None:
    lock = an_entry(tmp_path).lock
    assert lock is not None
    assert locked_versions(lock)["versioned"] == "0123456789"


def test_what_the_kernel_has_tells_how_it_came() -> None:
    kernel = installed()
    here = kernel.get("anywidget")
    assert here is not None
    assert here.origin == "index"
    ours = kernel.get("jupyter-mlmagic")
    assert ours is not None
    assert ours.origin in ("editable", "file", "folder", "index")
    assert (ours.origin == "index") == (ours.local is None)


def test_text_and_html_have_the_same_facts(tmp_path: Path) -> None:
    shown = present(an_entry(tmp_path))
    (line,) = [line for line in shown.text.splitlines() if line.startswith("anywidget ")]
    assert line.split() == ["anywidget", ANYWIDGET, "index", "required", "same"]
    for text in ("by-address", "0123456789", "not here", "scoring server"):
        assert text in shown.text
        assert text in shown.html


def test_what_is_not_locked_says_so() -> None:
    entry = EnvironmentEntry(name="new", kind="defined", environment=Environment(name="new"))
    assert locked_packages(entry) == ()
    assert "versions are chosen when" in present(entry).text
