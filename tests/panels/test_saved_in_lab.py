"""A saved notebook shows the last state of its panels, to those who have no kernel of it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from conftest import open_lab

from mlmagic import Workspace
from mlmagic.services.static_view import SERVICE_MIME_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser

NAME = "saved-svc"
SCRIPT = """\
%%score_script score.py --no-trial
import json
import os
import time


def init():
    while not os.path.exists(os.environ["GO"]):
        time.sleep(0.05)


def run(raw_data):
    return json.loads(raw_data)["data"]
"""
SHOWN = {
    "service": f"svc = %deploy {NAME} --script score.py --env GO={{folder}}/go",
    "services": "%ml services",
    "models": "%ml models",
    "environment": "%ml environment show minimal",
    "form": "%deploy --panel",
    "holder": """\
from ipywidgets import VBox
from mlmagic.panels.service import panel_of
VBox([panel_of(svc)])""",
}
PLACES = {name: place for place, name in enumerate(SHOWN, start=2)}
TIME = re.compile(r"as of\s+\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC")


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    folder = lab_server.root / "saved"
    folder.mkdir()
    workspace = Workspace.create(folder)
    (folder / "weights.txt").write_text("1")
    yield workspace
    for service in workspace.list_services():
        service.delete()


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    """A notebook with each panel, and one within another widget; the service does not come up."""
    cells = [cell.format(folder=workspace.root) for cell in SHOWN.values()]
    lab_server.write_notebook("saved/panels.ipynb", ["%load_ext mlmagic", SCRIPT, *cells])
    with open_lab(browser, lab_server) as lab:
        lab.page.set_viewport_size({"width": 1180, "height": 6000})  # JupyterLab draws all cells
        lab.open("saved/panels.ipynb")
        for place in range(len(cells) + 2):
            lab.run(place)
        panel(lab, "holder").wait_for()
        yield lab


def panel(notebook: LabPage, name: str) -> Locator:
    return notebook.output(PLACES[name]).locator(".mlm-panel").first


def expect_state(panel: Locator, state: str) -> None:
    panel.locator(".mlm-chip", has_text=state).first.wait_for()


def saved(notebook: LabPage, name: str) -> dict[str, Any]:
    """What the file on disk has for the panel of a cell."""
    outputs = nbformat.read(notebook.file, 4).cells[PLACES[name]].outputs
    (data,) = [output.data for output in outputs if "data" in output]
    return dict(data)


def check_saved(notebook: LabPage, name: str, words: str) -> None:
    data = saved(notebook, name)
    for kind in ("text/html", "text/plain"):
        assert words in data[kind]
        assert TIME.search(data[kind])


def test_a_service_is_saved_as_it_is_and_its_panel_is_not_drawn_again(notebook, workspace):
    service = panel(notebook, "service")
    expect_state(service, "Transitioning")
    notebook.save()
    check_saved(notebook, "service", "Transitioning")

    search = service.get_by_label("Search the log")
    search.fill("typed before")
    service.evaluate("element => { element.isSeen = true }")
    (workspace.root / "go").touch()
    expect_state(service, "Healthy")
    search.focus()
    notebook.save()
    assert service.evaluate("element => element.isSeen")
    assert search.input_value() == "typed before"
    assert search.evaluate("element => element === document.activeElement")
    assert notebook.output(PLACES["service"]).locator(".mlm-service").count() == 1

    check_saved(notebook, "service", "Healthy")
    handle = workspace.show_service(NAME)
    assert saved(notebook, "service")[SERVICE_MIME_TYPE]["state"] == "Healthy"
    assert handle.scoring_uri in saved(notebook, "service")["text/html"]
    for key in handle.get_keys():
        assert key not in notebook.file.read_text()


def test_so_are_the_other_panels_and_what_holds_one_stays_as_it_was(notebook, workspace):
    workspace.register_model(workspace.root / "weights.txt", name="weights")
    panel(notebook, "models").get_by_role("button", name="weights:1", exact=True).wait_for()
    expect_state(panel(notebook, "services"), "Healthy")
    form = panel(notebook, "form")
    form.get_by_label("name", exact=True).fill("another-svc")
    form.get_by_role("button", name="As a cell").click()
    form.get_by_label("Text", exact=True).filter(has_text="another-svc").wait_for()
    holder = saved(notebook, "holder")
    notebook.save(by_button=True)
    check_saved(notebook, "models", "weights")
    check_saved(notebook, "services", "Healthy")
    check_saved(notebook, "environment", "uvicorn")
    check_saved(notebook, "form", "another-svc")
    assert saved(notebook, "holder") == holder


def test_so_it_is_after_the_page_was_loaded_again(notebook, workspace):
    notebook.page.reload()
    service = panel(notebook, "service")
    expect_state(service, "Healthy")
    notebook.wait_idle()
    service.evaluate("element => { element.isSeen = true }")
    workspace.show_service(NAME).stop()
    expect_state(service, "Stopped")
    notebook.save(by_button=True)
    check_saved(notebook, "service", "Stopped")
    assert service.evaluate("element => element.isSeen")


def test_those_without_its_kernel_see_it(notebook, lab_server):
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", str(notebook.file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "Stopped" in card(done.stdout)

    # Who has it from somebody else has not run its cells: JupyterLab shows no widget of it.
    story = nbformat.read(notebook.file, 4)
    story.metadata["sent"] = True
    nbformat.write(story, lab_server.root / "sent.ipynb")
    notebook.open("sent.ipynb")
    service = notebook.output(PLACES["service"]).locator(".mlmagic-service")
    service.locator("strong", has_text="Stopped").wait_for()
    notebook.screenshot("saved-without-kernel", service)


def card(page: str) -> str:
    found = re.search(r'<div class="mlmagic-service".*?</div>\n</div>', page, re.DOTALL)
    assert found is not None
    return found.group()
