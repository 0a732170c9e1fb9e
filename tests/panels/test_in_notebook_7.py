"""The panels in Notebook 7, where a notebook has a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from accessibility import check_accessible, check_narrow, tab_to
from conftest import ClassicPage, open_lab, workspace_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

    from mlmagic import Workspace

pytestmark = pytest.mark.browser

SCRIPT = """\
import json


def init():
    print("ready to count")


def run(raw_data):
    return len(json.loads(raw_data)["data"])
"""
PANELS = {
    "deploy": "%deploy --panel",
    "services": "%ml services",
    "models": "%ml models",
    "environment": "%ml environment show minimal",
}
PLACES = {name: place for place, name in enumerate(PANELS, start=1)}


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    with workspace_of(lab_server.root / "classic", "count.py", SCRIPT) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    lab_server.write_notebook("classic/panels.ipynb", ["%load_ext mlmagic", *PANELS.values(), ""])
    with open_lab(browser, lab_server, ClassicPage) as page:
        page.open("classic/panels.ipynb")
        page.run(0)
        yield page


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_shows(notebook: LabPage, name: str) -> None:
    notebook.run(PLACES[name])
    panel(notebook, name).wait_for()


def panel(notebook: LabPage, name: str) -> Locator:
    return notebook.output(PLACES[name]).locator(".mlm-panel").first


def test_a_service_is_deployed_and_asked_by_keyboard_alone(notebook, workspace):
    keyboard = notebook.page.keyboard
    panel(notebook, "deploy").get_by_label("name", exact=True).focus()
    keyboard.type("count-svc")
    tab_to(notebook.page, "script")
    keyboard.type("count.py")
    tab_to(notebook.page, "Deploy")
    keyboard.press("Enter")
    service = notebook.output(PLACES["deploy"]).locator(".mlm-service")
    service.locator(".mlm-chip", has_text="Healthy").wait_for()
    panel(notebook, "services").get_by_role("button", name="count-svc", exact=True).wait_for()
    assert workspace.show_service("count-svc").state == "Healthy"

    tab_to(notebook.page, "Request body")
    keyboard.press("Control+a")
    keyboard.insert_text('{"data": [1, 2, 3]}')
    keyboard.press("Control+Enter")
    service.locator(".mlm-answer", has_text="3").wait_for()
    notebook.screenshot("notebook-7-light")


@pytest.mark.parametrize("name", PANELS)
def test_everybody_can_use_it(notebook: LabPage, name: str) -> None:
    check_narrow(notebook, panel(notebook, name), f"notebook-7-{name}-narrow")
    check_accessible(notebook, panel(notebook, name))


def test_comes_back_in_dark_colours_after_the_notebook_was_saved(notebook):
    notebook.save()
    (output,) = nbformat.read(notebook.file, 4).cells[PLACES["services"]].outputs
    assert "Healthy" in output.data["text/html"]  # as it is now, not when the cell ran
    notebook.server.set_theme("JupyterLab Dark")
    notebook.page.reload()
    notebook.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    notebook.wait_idle()
    panel(notebook, "deploy").wait_for()
    panel(notebook, "services").locator(".mlm-chip", has_text="Healthy").wait_for()
    notebook.screenshot("notebook-7-dark")


def test_a_line_is_put_below_the_form(notebook):
    form = panel(notebook, "deploy")
    form.get_by_role("button", name="As a cell").click()
    line = form.get_by_role("group", name="One line")
    line.get_by_role("button", name="Insert below").click()
    below = notebook.cell(PLACES["deploy"] + 1).locator(".cm-line")
    below.filter(has_text="%deploy count-svc --script count.py").wait_for()
