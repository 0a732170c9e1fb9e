"""The three notebooks in JupyterLab, as a newcomer runs them; what they look like is kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import nbformat
import pytest
from conftest import ROOT, open_lab

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

NOTEBOOKS = ["01_first_service", "02_update_and_headless", "03_when_things_fail"]
# High enough that JupyterLab draws every cell.
VIEW = {"width": 1180, "height": 6500}
SHORT = {"width": 1180, "height": 1000}


@pytest.fixture(scope="module")
def notebooks(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    folder = lab_server.root / "story"
    folder.mkdir()
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(file, folder)
    with open_lab(browser, lab_server) as lab:
        yield lab
    for service in Workspace(folder).list_services():
        service.delete()


def run_cells(lab: LabPage, name: str) -> None:
    """Run the cells one by one; pictures are kept before the first service is deleted.

    ``docs/images/service-panel.png`` is the one of the first notebook's panel.
    """
    cells = nbformat.read(lab.server.root / "story" / f"{name}.ipynb", 4).cells
    pictured = False
    panel = 0
    for index, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        if "service delete" in cell.source and not pictured:
            # Panels draw what they hear at most four times a second.
            lab.page.wait_for_timeout(1000)
            lab.screenshot(f"{name}-light")
            lab.screenshot(f"{name}-panel", lab.cell(panel))
            pictured = True
        lab.run(index)
        if "%deploy" in cell.source:
            panel = index


@pytest.mark.timeout(420)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_in_jupyterlab(notebooks: LabPage, name: str) -> None:
    notebooks.server.set_theme("JupyterLab Light")
    notebooks.page.set_viewport_size(SHORT)
    notebooks.open(f"story/{name}.ipynb")
    notebooks.page.set_viewport_size(VIEW)
    run_cells(notebooks, name)
    errors = notebooks.page.locator(".jp-OutputArea-output[data-mime-type*='error']")
    assert errors.all_inner_texts() == []
    panels = notebooks.page.locator(".mlm-panel .mlm-chip")
    panels.filter(has_text="Deleted").first.wait_for()
    notebooks.save()
    notebooks.server.set_theme("JupyterLab Dark")
    notebooks.page.reload()
    notebooks.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    notebooks.wait_idle()
    notebooks.page.locator(".mlm-panel .mlm-chip").last.wait_for()
    notebooks.page.wait_for_timeout(2000)  # JupyterLab draws further cells when it has time
    notebooks.screenshot(f"{name}-dark")
