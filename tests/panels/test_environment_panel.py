"""The Python half of the environment panel, over real locks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace
from mlmagic.environments import LockedPackage
from mlmagic.environments.distributions import Installed
from mlmagic.errors import EnvironmentNotFoundError
from mlmagic.panels import environment_view
from mlmagic.panels.environment import EnvironmentPanel, _row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path)
    workspace.define_environment("old", "six==1.16.0")
    workspace.define_environment("new", "six==1.17.0")
    return workspace


@pytest.fixture
def panel(workspace: Workspace) -> Iterator[EnvironmentPanel]:
    panel = EnvironmentPanel(workspace, "old")
    yield panel
    panel.close()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_rows_say_where_packages_come_from_without_what_opens_it():
    here = Installed(
        name="net",
        version="1.0",
        url="https://ann:5ecret@example.com/net-1.0-py3-none-any.whl?signature=5ecret",
    )
    package = LockedPackage(
        name="net",
        version="1.0",
        origin="git",
        place="git+https://${TOKEN}:5ecret@example.com/net@0123456#subdirectory=src",
        reason="required",
        here=here,
    )
    row = _row(package)
    assert row["place"] == "git+https://example.com/net@0123456#subdirectory=src"
    assert row["kernel"]["place"] == "https://example.com/net-1.0-py3-none-any.whl"


def version(panel: EnvironmentPanel, name: str) -> str:
    return {row["name"]: row["version"] for row in panel.environment["packages"]}[name]


def test_versions_are_chosen_and_compared_with_another_lock(workspace, panel):
    assert panel.environment["isLocked"] is False
    assert ["requirements", "six==1.16.0"] in panel.environment["facts"]
    panel.commands["lock"]({})
    wait_until(lambda: panel.environment["isLocked"])
    assert version(panel, "six") == "1.16.0"
    assert "1.16.0" in panel.to_html()
    assert panel.others == []

    lock = workspace.environments.lock(workspace.environments.get("new"))
    wait_until(lambda: len(panel.others) == 1)  # somebody else's work, seen
    (other,) = panel.others
    assert other == {"identity": lock.identity, "label": f"new ({lock.short})"}
    assert panel.commands["versions"]({"identity": lock.identity})["six"] == "1.17.0"
    with pytest.raises(EnvironmentNotFoundError, match="no lock 'gone' any more"):
        panel.commands["versions"]({"identity": "gone"})


def test_one_that_is_removed_says_so_until_it_is_there_again(workspace, panel, caplog):
    (found,) = workspace.root.rglob("old.json")
    kept = found.read_bytes()
    assert panel.environment["isRemoved"] is False
    found.unlink()
    wait_until(lambda: panel.environment["isRemoved"])
    assert "removed" in panel.to_html()
    with pytest.raises(EnvironmentNotFoundError, match="old"):
        panel.commands["lock"]({})
    found.write_bytes(kept)
    wait_until(lambda: not panel.environment["isRemoved"])
    assert "removed" not in panel.to_html()
    assert "Looking again failed" not in caplog.text


def test_an_environment_shows_its_panel_and_one_that_is_gone_shows_none(workspace, tmp_path):
    entry = workspace.show_environment("old")
    data, _ = environment_view(workspace, entry)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert environment_view(workspace, entry) == environment_view(workspace, entry)
    assert environment_view(Workspace.create(tmp_path / "other"), entry) == ({}, {})
