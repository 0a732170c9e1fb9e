"""Where packages of a lock come from; the interpreter that runs the tests is the kernel."""

import importlib.metadata
from pathlib import Path

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
