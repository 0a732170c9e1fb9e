"""The models panel registers: it tells how far it is, and takes back what is cancelled."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager

import pytest
from filelock import FileLock
from jupyter_client.manager import start_new_kernel

from mlmagic import Workspace
from mlmagic.files import digest_file

SIZE = 3 << 20


class Page:
    """What a page does for the models panel: it keeps traits and answers, and sends intents."""

    def __init__(self, client):
        self.client = client
        self.comm = ""
        self.registration: dict | None = None
        self.answers = {}
        client.execute_interactive(
            "%load_ext mlmagic\n%ml models", timeout=120, output_hook=self._notice
        )

    def send(self, identity: str, kind: str, **args: str) -> None:
        content = {"id": identity, "kind": kind, "args": args}
        data = {"method": "custom", "content": content}
        request = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.client.shell_channel.send(request)

    def answer(self, identity: str) -> dict:
        self.wait(lambda: identity in self.answers)
        return self.answers[identity]

    def wait(self, came) -> None:
        """Take messages until something is so."""
        end = time.monotonic() + 120
        while not came():
            assert time.monotonic() < end, (self.registration, self.answers)
            self._notice(self.client.get_iopub_msg(timeout=120))

    def _notice(self, message: dict) -> None:
        content = message["content"]
        if message["msg_type"] == "comm_open" and "_esm" in content["data"]["state"]:
            self.comm = content["comm_id"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != self.comm:
            return
        data = content["data"]
        self.registration = data.get("state", {}).get("registration", self.registration)
        if data["method"] == "custom":
            self.answers[data["content"]["id"]] = data["content"]


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "big.bin").write_bytes(bytes([255]) * SIZE)
    made = Workspace.create(tmp_path)
    yield made
    made.registry.close()


@pytest.fixture
def page(workspace):
    manager, client = start_new_kernel(cwd=str(workspace.root), stderr=subprocess.DEVNULL)
    yield Page(client)
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
        page.wait(lambda: page.registration and page.registration["done"] == SIZE)
        assert page.registration == {
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
        page.wait(lambda: page.registration["stage"] == "cancelling")
    told = page.answer("one")
    assert not told["ok"]
    assert "was cancelled" in told["error"]
    page.wait(lambda: page.registration["problem"])
    assert page.registration["problem"] == told["error"]
    assert workspace.list_models() == []
    assert workspace.content.temporaries() == []
    assert list(workspace.content.digests()) == []

    page.send("five", "register", **wanted)
    assert page.answer("five")["value"] == {"id": "big:1", "outcome": "registered"}
    page.wait(lambda: page.registration is None)
    page.send("six", "cancel")  # too late: it changes nothing
    assert page.answer("six")["ok"]
    assert [model.id for model in workspace.list_models()] == ["big:1"]
