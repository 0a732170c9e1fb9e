"""Pages and panels find each other: pages come and go, and the subshells that they make."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from uuid import uuid4

import pytest
from jupyter_client.manager import start_new_kernel

SHOW = "%load_ext mlmagic\n%ml services"


class Page:
    """What JupyterLab does for a panel: messages to subshells that it makes and ends."""

    def __init__(self, client):
        self.client = client
        self.comm = ""
        self.shown = ""

    def run(self, code: str) -> None:
        self.client.execute_interactive(code, timeout=120, output_hook=self._notice)

    def _notice(self, message: dict) -> None:
        content = message["content"]
        if message["msg_type"] == "comm_open" and "_esm" in content["data"]["state"]:
            self.comm = content["comm_id"]
        view = content.get("data", {}).get("application/vnd.jupyter.widget-view+json")
        if view:
            self.shown = view["model_id"]

    def control(self, kind: str, **content: str) -> dict:
        request = self.client.session.msg(kind, content)
        self.client.control_channel.send(request)
        while True:
            reply = self.client.get_control_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == request["header"]["msg_id"]:
                assert reply["content"]["status"] == "ok"
                return reply["content"]

    def ask(self, subshell: str, intent: str) -> dict:
        """Send an intent to a subshell and return what the panel answers."""
        data = {"method": "custom", "content": {"id": intent, "kind": "nothing"}}
        request = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        request["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(request)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=120)
            answer = message["content"].get("data", {}).get("content", {})
            if message["msg_type"] == "comm_msg" and answer.get("id") == intent:
                return answer
        raise AssertionError(f"{intent!r} was not answered")


@pytest.fixture
def kernel(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    manager, client = start_new_kernel(cwd=str(tmp_path), stderr=subprocess.DEVNULL)
    client.stop_channels()
    yield manager
    manager.shutdown_kernel(now=True)


@contextmanager
def page_of(kernel):
    """Open a page: a session of its own."""
    client = kernel.client()
    client.session.session = uuid4().hex
    client.start_channels()
    client.wait_for_ready(timeout=120)
    yield Page(client)
    client.stop_channels()


@pytest.fixture
def page(kernel):
    with page_of(kernel) as page:
        yield page


def test_an_ended_subshell_takes_no_intent_along(page):
    page.run(SHOW)
    first = page.control("create_subshell_request")["subshell_id"]
    assert "no command" in page.ask(first, "one")["error"]
    page.control("delete_subshell_request", subshell_id=first)
    second = page.control("create_subshell_request")["subshell_id"]
    assert "no command" in page.ask(second, "two")["error"]


def test_a_page_that_does_not_have_the_panel_is_given_one(kernel, page):
    page.run(SHOW)
    first = page.shown
    page.run(SHOW)
    assert page.shown == first
    with page_of(kernel) as later:
        later.run(SHOW)
        assert later.shown == later.comm != first


def test_a_page_that_took_the_panel_up_from_the_kernel_shows_it(kernel, page):
    page.run(SHOW)
    with page_of(kernel) as restored:
        data = {"method": "custom", "content": {"here": True}}
        message = {"comm_id": page.comm, "data": data}
        restored.client.shell_channel.send(restored.client.session.msg("comm_msg", message))
        restored.run(SHOW)
        assert restored.shown == page.shown
