"""What the deploy panel begins is ended by its button, with the processes that it waits for."""

from __future__ import annotations

import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from kernel_page import Page

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLOW = """\
import os, pathlib, subprocess, time

if __name__ != "__main__":  # not in the notebook
    child = subprocess.Popen(["sleep", "600"])
    place = pathlib.Path(os.environ["TRIED"])
    place.with_suffix(".new").write_text(f"{os.getpid()} {child.pid}")
    place.with_suffix(".new").rename(place)
    time.sleep(600)


def init():
    pass


def run(raw_data):
    return raw_data
"""


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


@pytest.fixture
def page(workspace, tmp_path, monkeypatch) -> Iterator[Page]:
    monkeypatch.setenv("TRIED", str(tmp_path / "tried"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    manager, client = start_new_kernel(cwd=str(workspace.root), stderr=subprocess.DEVNULL)
    page = Page(client, "%deploy --panel", "work")
    page.kernel = psutil.Process(manager.provisioner.pid)
    yield page
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def is_ended(pid: int) -> bool:
    """Whether a process runs no more; nobody may have waited for it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def pids(tmp_path: Path) -> list[int]:
    return [int(pid) for pid in (tmp_path / "tried").read_text().split()]


@pytest.mark.parametrize("before", [None, "# by hand\n"])
def test_a_cancelled_capture_ends_the_trial_and_leaves_the_file_as_it_was(
    page, workspace, tmp_path, before
):
    script = workspace.root / "score.py"
    if before is not None:
        script.write_text(before)
    page.client.execute_interactive(SLOW, timeout=120, output_hook=lambda _message: None)
    page.send("cells", "cells")
    number = page.answer("cells")["value"][0]["number"]
    wanted = {"number": number, "file": "score.py", "overwrite": True}
    page.send("one", "capture", **wanted)
    page.wait(lambda: page.told and page.told["stage"].startswith("trial"))
    eventually((tmp_path / "tried").exists)
    assert script.read_text() == SLOW
    page.send("two", "capture", **wanted)  # from another page, or after a reload
    assert "'capture' is under way" in page.answer("two")["error"]
    page.send("three", "cancel")
    assert page.answer("three")["ok"]
    told = page.answer("one")
    assert told["error"] == "The capture was cancelled; nothing was written."
    page.wait(lambda: page.told["problem"])
    assert page.told["problem"] == told["error"]
    trial, child = pids(tmp_path)
    assert not psutil.pid_exists(trial)
    eventually(lambda: is_ended(child))  # whose parent is gone: somebody else waits for it
    assert (script.read_text() if script.exists() else None) == before
    assert workspace.scripts.list() == []
    assert [*(tmp_path / "temporary").glob("mlmagic-*")] == []
    page.send("four", "cancel")  # there is nothing to cancel
    assert page.answer("four")["ok"]


@pytest.fixture
def silent() -> Iterator[str]:
    """An index that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


@pytest.mark.parametrize("kind", ["plan", "deploy"])
def test_a_cancelled_deployment_ends_uv_and_leaves_nothing(page, workspace, tmp_path, silent, kind):
    (workspace.root / "score.py").write_text(SLOW)
    workspace.define_environment("slow", "mlmagic-has-no-such-package")
    variables = {"UV_DEFAULT_INDEX": silent, "MLMAGIC_RUN_JOURNAL": str(tmp_path / "journal")}
    page.client.execute_interactive(f"import os; os.environ.update({variables})", timeout=60)
    for name, value in {"name": "slow-svc", "script": "score.py", "environment": "slow"}.items():
        page.send(name, "set", name=name, value=value)
        assert page.answer(name)["ok"]
    page.send("one", kind)
    page.wait(lambda: page.told and page.told["stage"] == "environment 'slow': choosing versions")
    uv = eventually(lambda: [each for each in page.kernel.children() if each.name() == "uv"])[0]
    page.send("two", kind)  # from another page, or after a reload
    assert "is under way" in page.answer("two")["error"]
    page.send("three", "cancel")
    assert page.answer("three")["ok"]
    assert "was cancelled; nothing was changed." in page.answer("one")["error"]
    assert not uv.is_running()
    assert workspace.list_services() == []
    assert not (workspace.root / ".mlmagic" / "environments" / "locks").exists()
    assert not (tmp_path / "journal").exists()
    assert [*(tmp_path / "temporary").glob("mlmagic-*")] == []


def eventually(look: Callable[[], Any]) -> Any:
    """Return what is there once something is."""
    end = time.monotonic() + 120
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found
