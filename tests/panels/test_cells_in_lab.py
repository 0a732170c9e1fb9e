"""The deploy panel in JupyterLab: cells below it that say what the form says, and its Cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from accessibility import check_accessible, check_narrow
from conftest import open_lab, workspace_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

    from mlmagic import Workspace

pytestmark = pytest.mark.browser

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"
SLOW = """\
import os, pathlib, time
if __name__ != "__main__":
    pathlib.Path("{place}").write_text(str(os.getpid()))
    time.sleep(600)
def init(): pass
def run(raw_data): return raw_data
"""


IS_IN_SIGHT = """
(cell) => {
  const { top, bottom } = cell.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}
"""


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    with workspace_of(lab_server.root / "cells", "score.py", SCRIPT) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    lab_server.write_notebook("cells/panel.ipynb", ["%load_ext mlmagic", "%deploy --panel", ""])
    with open_lab(browser, lab_server) as lab:
        lab.open("cells/panel.ipynb")
        lab.run(0)
        lab.run(1)
        yield lab


@pytest.fixture
def panel(notebook: LabPage) -> Locator:
    return notebook.output(1).locator(".mlm-deploy")


def test_the_form_becomes_cells_that_deploy_the_same(notebook, panel, workspace):
    panel.get_by_label("name", exact=True).fill("cell-svc")
    panel.get_by_label("models", exact=True).fill("weights:1")
    panel.get_by_label("script", exact=True).fill("score.py")
    panel.get_by_text("Options of the target").click()
    panel.get_by_label("workers", exact=True).fill("2")
    panel.get_by_label("memory", exact=True).fill("1G")
    panel.get_by_role("button", name="Deploy", exact=True).click()
    service = notebook.output(1).locator(".mlm-service")
    service.locator(".mlm-chip", has_text="Healthy").wait_for()
    deployed = workspace.show_service("cell-svc").record

    panel.get_by_role("button", name="As a cell").click()
    line = "%deploy cell-svc --model weights:1"
    line += " --script score.py --target local --memory 1G --workers 2"
    panel.get_by_label("Text", exact=True).get_by_text(line, exact=True).wait_for()
    group = panel.get_by_role("group", name="With named configurations")
    group.get_by_label("cell-svc-deployment", exact=True).get_by_text("memory: 1G").wait_for()
    notebook.screenshot("deploy-cells", panel)
    for _ in range(2):  # the second click changes nothing twice
        group.get_by_role("button", name="Insert below").click()
        group.locator("[aria-busy=true]").wait_for(state="detached")
    panel.get_by_text("3 cells are below.").wait_for(state="attached")
    sources = [
        "%%inference_config cell-svc-inference\nentry_script: score.py",
        "%%deployment_config cell-svc-deployment\ntarget: local\nmemory: 1G\nworkers: 2",
        "%deploy cell-svc --model weights:1 --ic cell-svc-inference --dc cell-svc-deployment",
    ]
    for place, source in enumerate(sources, 2):
        lines = notebook.cell(place).locator(".cm-line").all_inner_texts()
        assert "\n".join(lines) == source
    notebook.page.wait_for_function(IS_IN_SIGHT, arg=notebook.cell(4).element_handle())
    notebook.screenshot("deploy-cells-below")
    names = {each.name for each in workspace.list_configurations()}
    assert names == {"cell-svc-inference", "cell-svc-deployment"}
    for name in ("inference", "deployment"):  # the form offers them now
        field = panel.get_by_label(f"{name} config", exact=True)
        offered = f"#{field.get_attribute('list')} option[value='cell-svc-{name}']"
        panel.locator(offered).wait_for(state="attached")

    notebook.page.keyboard.press("Escape")  # from the button to the panel's cell
    notebook.page.locator(".jp-Cell:focus").wait_for()
    notebook.page.keyboard.press("ArrowDown")
    for place in range(2, 5):
        notebook.page.keyboard.press("Shift+Enter")
        notebook.cell(place).locator(".jp-InputPrompt").filter(has_text="]:").wait_for()
    notebook.output(4).locator(".mlm-service .mlm-chip", has_text="Healthy").wait_for()
    notebook.wait_idle()
    after = workspace.show_service("cell-svc").record
    assert (after.generation, after.spec.digest) == (deployed.generation, deployed.spec.digest)
    group.get_by_role("button", name="Insert below").click()  # what was run says the same
    group.locator("[aria-busy=true]").wait_for(state="detached")
    panel.get_by_role("alertdialog").wait_for(state="hidden")

    panel.get_by_role("group", name="One line").get_by_role("button", name="Insert below").click()
    below = notebook.cell(2).locator(".cm-line")
    below.filter(has_text=line).wait_for()


def test_everybody_can_use_it(notebook, panel):
    check_narrow(notebook, panel, "deploy-cells-narrow")
    check_accessible(notebook, panel)


def test_a_capture_is_cancelled_while_the_script_is_tried(notebook, panel, workspace):
    place = workspace.root / "pid"
    notebook.execute(6, SLOW.format(place=place))
    panel.get_by_text("Capture a cell as the script").click()
    part = panel.locator("details", has=notebook.page.get_by_label("Source of the cell"))
    part.get_by_label("File", exact=True).fill("slow.py")
    part.get_by_role("button", name="Capture", exact=True).click()
    part.get_by_text("trial: init() and run(sample)").wait_for()
    while not place.exists():
        notebook.page.wait_for_timeout(50)
    notebook.screenshot("deploy-capturing", panel)
    part.get_by_role("button", name="Cancel").click()
    part.get_by_role("alert").get_by_text("was cancelled; nothing was written").wait_for()
    part.get_by_role("button", name="Cancel").wait_for(state="hidden")
    assert not psutil.pid_exists(int(place.read_text()))
    assert not (workspace.root / "slow.py").exists()
    assert panel.get_by_label("script", exact=True).input_value() == "score.py"
