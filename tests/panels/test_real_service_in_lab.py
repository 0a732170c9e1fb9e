"""The panel of a real local service in JupyterLab: nothing here is played by a stand-in."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest
from conftest import open_lab

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

    from mlmagic.services import Webservice

pytestmark = pytest.mark.browser

NAME = "real-svc"
SCRIPT = """\
%%score_script score.py --no-trial
import json
import os
import time


def init():
    while not os.path.exists(os.environ["GO"]):
        time.sleep(0.05)


def run(raw_data):
    print("got", raw_data)
    return json.loads(raw_data)["data"]
"""
DEPLOY = """\
svc = %deploy {name} --script score.py --env GO={go} --sample '{{"data": [1, 2]}}'"""
BUSY = """\
import os, time
while not os.path.exists({done!r}):
    time.sleep(0.05)"""


@pytest.fixture
def folder(lab_server: LabServer) -> Iterator[Path]:
    folder = lab_server.root / "real"
    folder.mkdir()
    workspace = Workspace.create(folder)
    yield folder
    for service in workspace.list_services():
        service.delete()


@pytest.fixture
def notebook(browser: Browser, lab_server: LabServer, folder: Path) -> Iterator[LabPage]:
    cells = [
        "%load_ext mlmagic",
        SCRIPT,
        DEPLOY.format(name=NAME, go=folder / "go"),
        BUSY.format(done=str(folder / "done")),
    ]
    lab_server.write_notebook("real/panel.ipynb", cells)
    with open_lab(browser, lab_server) as lab:
        lab.open("real/panel.ipynb")
        for index in range(3):
            lab.run(index)
        yield lab


def expect_state(panel: Locator, state: str) -> None:
    panel.locator(".mlm-chip", has_text=state).wait_for()


def post(service: Webservice, body: dict[str, object]) -> None:
    """Ask the service past the kernel that shows the panel."""
    headers = {"Authorization": f"Bearer {service.get_keys()[0]}"}
    uri = service.scoring_uri or ""
    request = urllib.request.Request(uri, json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=60).close()


def test_the_panel_follows_a_service_from_its_deployment_to_its_end(
    notebook: LabPage, folder: Path
) -> None:
    panel = notebook.output(2).locator(".mlm-panel")
    panel.locator("li[aria-current=step]", has_text="init()").wait_for()
    expect_state(panel, "Transitioning")

    notebook.run(3, wait=False)
    notebook.cell(3).locator(".jp-InputPrompt", has_text="[*]").wait_for()
    (folder / "go").touch()
    expect_state(panel, "Healthy")
    assert notebook.prompt(3) == "[*]:"  # it moved while a cell ran
    (folder / "done").touch()
    notebook.wait_idle()

    service = Workspace(folder).show_service(NAME)
    assert service.scoring_uri in panel.inner_text()
    key = service.get_keys()[0]
    assert key not in notebook.page.content()
    panel.get_by_role("button", name="Show the key").click()
    panel.locator(".mlm-key", has_text=key).wait_for()

    panel.get_by_role("button", name="Run").click()
    panel.locator(".mlm-answer", has_text="[1, 2]").wait_for()
    post(service, {"data": "from elsewhere"})
    panel.locator(".mlm-lines", has_text="from elsewhere").wait_for()  # while the kernel is idle
    asked = panel.locator(".mlm-stat", has_text="Latency").locator("strong", has_text="ms")
    asked.wait_for()
    notebook.screenshot("real-healthy", panel)

    service.delete()
    expect_state(panel, "Deleted")
    notebook.screenshot("real-deleted", panel)
