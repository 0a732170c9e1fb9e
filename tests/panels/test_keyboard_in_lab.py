"""From a file to a service that is deleted again, by the keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from accessibility import check_focus, focused, tab_to
from conftest import open_lab

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

NAME = "keyed-svc"
SCRIPT = """\
import json
import os


def init():
    global weight
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.txt")
    weight = float(open(path).read())
    print("the weight is read")


def run(raw_data):
    return [weight * value for value in json.loads(raw_data)["data"]]
"""
# The page notes whether a pointer was used.
WATCH = """
for (const kind of ["pointerdown", "mousedown", "wheel"])
  addEventListener(kind, () => { window.pointed = true; }, true);
"""


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    folder = lab_server.root / "keyboard"
    folder.mkdir()
    workspace = Workspace.create(folder)
    (folder / "score.py").write_text(SCRIPT)
    for name, weight in (("other", "1"), ("weights", "2.5")):
        (folder / f"{name}.txt").write_text(weight)
        workspace.register_model(folder / f"{name}.txt", name=name, sample={"data": [1, 2]})
    yield workspace
    for service in workspace.list_services():
        service.delete()


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    lab_server.write_notebook("keyboard/story.ipynb", ["%load_ext mlmagic", "", ""])
    with open_lab(browser, lab_server) as lab:
        lab.open("keyboard/story.ipynb")
        lab.run(0)
        lab.page.evaluate(WATCH)
        yield lab
        assert not lab.page.evaluate("window.pointed")


def press(page: Page, *keys: str) -> None:
    """Press keys; after each, the focus is seen."""
    for key in keys:
        page.keyboard.press(key)
        check_focus(page)


def enter(page: Page, name: str) -> None:
    """Go to a control and press Enter on it."""
    tab_to(page, name)
    press(page, "Enter")


def write(page: Page, name: str, text: str) -> None:
    """Go to a line and type what it shall hold."""
    tab_to(page, name)
    page.keyboard.type(text)
    check_focus(page)


def until_focused(place: Locator) -> None:
    """Wait until the focus is in a place, which is seen."""
    place.locator(":focus").wait_for()
    check_focus(place.page)


def test_a_model_is_found_and_deployed(notebook: LabPage) -> None:
    page = notebook.page
    press(page, "ArrowDown", "Enter")
    page.keyboard.type("%ml models")
    press(page, "Control+Enter")
    models = notebook.output(1).locator(".mlm-models-panel")
    models.get_by_role("button", name="other:1", exact=True).wait_for()
    write(page, "Search the models", "weig")
    models.get_by_role("button", name="other:1", exact=True).wait_for(state="detached")
    enter(page, "weights:1")
    models.get_by_label("weights:1", exact=True).get_by_text("no service").wait_for()
    enter(page, "Deploy …")
    form = notebook.output(1).locator(".mlm-deploy")
    until_focused(form)
    assert focused(page) == "name"
    page.keyboard.type(NAME)
    write(page, "script", "score.py")
    write(page, "target", "local")
    deploy = form.locator("button:enabled", has_text="Deploy")
    deploy.wait_for()
    enter(page, "Deploy")
    service = notebook.output(1).locator(".mlm-service")
    service.locator(".mlm-chip", has_text="Healthy").wait_for()
    assert focused(page) == "Deploy"
    check_focus(page)


def test_it_is_tried_its_key_replaced_and_its_log_read(
    notebook: LabPage, workspace: Workspace
) -> None:
    page = notebook.page
    service = notebook.output(1).locator(".mlm-service")
    keys = workspace.show_service(NAME).get_keys()
    ran = notebook.prompt(1)
    enter(page, "Replace the second key")
    question = service.get_by_role("alertdialog")
    assert focused(page) == "Keep"
    press(page, "Escape")  # closes the question, and leads back to what asked it
    question.wait_for(state="hidden")
    assert focused(page) == "Replace the second key"
    press(page, "Enter", "Shift+Tab")
    assert focused(page) == "Make a new key"
    press(page, "Enter")
    said = service.locator("[role=status]", has_text="The second key is new.")
    said.wait_for(state="attached")
    assert focused(page) == "Replace the second key"
    assert workspace.show_service(NAME).get_keys()[1] != keys[1]

    tab_to(page, "JSON")
    press(page, "ArrowLeft")
    assert focused(page) == "Form"
    press(page, "ArrowRight")
    enter(page, "Run")
    service.locator(".mlm-answer", has_text="[2.5, 5]").wait_for()
    tab_to(page, "Request body", "Shift+Tab")
    press(page, "Control+a")
    page.keyboard.type('{"data": [4]}')
    press(page, "Control+Enter")
    service.locator(".mlm-answer", has_text="[10]").wait_for()

    write(page, "Search the log", "weight is")
    service.locator(".mlm-found", has_text="1 line found").wait_for()
    press(page, "Escape")  # empties the search
    assert focused(page) == "Search the log"
    service.locator(".mlm-found").filter(has_text="found").wait_for(state="detached")
    tab_to(page, "Least level shown")
    press(page, "ArrowDown")
    service.locator(".mlm-found", has_text="found").wait_for()
    press(page, "Control+Enter")  # which would run the cell, and with it take the panel away
    enter(page, "Pause")
    service.get_by_role("button", name="Resume (").wait_for()
    press(page, "Space")
    service.get_by_role("button", name="Pause", exact=True).wait_for()
    assert notebook.prompt(1) == ran


def test_it_is_deleted_by_its_name_and_the_panel_is_left(
    notebook: LabPage, workspace: Workspace
) -> None:
    page = notebook.page
    service = notebook.output(1).locator(".mlm-service")
    enter(page, "Manage")
    enter(page, "Delete …")
    until_focused(service.get_by_role("alertdialog"))
    page.keyboard.type(NAME)
    press(page, "Enter")
    service.locator(".mlm-chip", has_text="Deleted").wait_for()
    until_focused(service)
    assert NAME not in workspace.webservices
    press(page, "Escape")
    notebook.page.locator(".jp-Cell:focus").wait_for()
    press(page, "ArrowDown", "Enter")  # the notebook goes on
    page.keyboard.type("6 * 7")
    press(page, "Control+Enter")
    notebook.output(2).get_by_text("42").wait_for()
