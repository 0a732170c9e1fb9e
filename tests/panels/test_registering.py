"""The models panel registers: it tells how far it is, and takes back what is cancelled."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager

import pytest
from filelock import FileLock
from jupyter_client.manager import start_new_kernel
from kernel_page import Page

from mlmagic import Workspace
from mlmagic.files import digest_file

SIZE = 3 << 20


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "big.bin").write_bytes(bytes([255]) * SIZE)
    made = Workspace.create(tmp_path)
    yield made
    made.registry.close()


@pytest.fixture
def page(workspace):
    manager, client = start_new_kernel(cwd=str(workspace.root), stderr=subprocess.DEVNULL)
    yield Page(client, "%ml models", "registration")
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@contextmanager
def held(workspace: Workspace):
    """Keep everybody from storing the file: a registration waits where it would."""
    locks = workspace.content.root / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{digest_file(workspace.root / 'big.bin')[:2]}.lock"):
        yield


def test_a_cancelled_registration_leaves_nothing_and_says_so(page, workspace):
    wanted = {"path": "big.bin", "name": "big", "tags": ""}
    with held(workspace):
        page.send("one", "register", **wanted)
        page.wait(lambda: page.told and page.told["done"] == SIZE)
        assert page.told == {
            "name": "big",
            "stage": "reading",
            "done": SIZE,
            "total": SIZE,
            "problem": "",
        }
        page.send("two", "register", **wanted)  # from another page, or after a reload
        assert "'big' is being registered" in page.answer("two")["error"]
        for twice in ("three", "four"):
            page.send(twice, "cancel")
            assert page.answer(twice)["ok"]
        page.wait(lambda: page.told["stage"] == "cancelling")
    told = page.answer("one")
    assert not told["ok"]
    assert "was cancelled" in told["error"]
    page.wait(lambda: page.told["problem"])
    assert page.told["problem"] == told["error"]
    assert workspace.list_models() == []
    assert workspace.content.temporaries() == []
    assert list(workspace.content.digests()) == []

    page.send("five", "register", **wanted)
    assert page.answer("five")["value"] == {"id": "big:1", "outcome": "registered"}
    page.wait(lambda: page.told is None)
    page.send("six", "cancel")  # too late: it changes nothing
    assert page.answer("six")["ok"]
    assert [model.id for model in workspace.list_models()] == ["big:1"]
