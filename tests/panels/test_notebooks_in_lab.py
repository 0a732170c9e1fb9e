"""The notebooks in JupyterLab, as a newcomer runs them; what the first looks like is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from conftest import open_lab

from tests.notebooks.conftest import (
    CONTAINERS,
    ENDS,
    NIGHTLY,
    TUTORIALS,
    copy_notebooks,
    delete_services,
    left_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser

    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.browser

FIRST, *OTHERS = TUTORIALS
# High enough that JupyterLab draws every cell.
VIEW = {"width": 1180, "height": 6500}
SHORT = {"width": 1180, "height": 1000}


@pytest.fixture(scope="module")
def notebooks(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    folders = [lab_server.root / name for name in (*TUTORIALS, NIGHTLY, CONTAINERS)]
    for folder in folders:
        copy_notebooks(folder)
    with open_lab(browser, lab_server) as lab:
        yield lab
    for folder in folders:
        delete_services(folder)


def run_cells(lab: LabPage, name: str) -> None:
    """Run the cells one by one; pictures are kept before the first service is deleted.

    ``docs/images/service-panel.png`` is the one of the first notebook's panel.
    """
    cells = nbformat.read(lab.file, 4).cells
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


def check_end(lab: LabPage, name: str) -> None:
    """See that no cell failed, and that what is left is what other runners leave."""
    errors = lab.page.locator(".jp-OutputArea-output[data-mime-type*='error']")
    assert errors.all_inner_texts() == []
    assert left_in(lab.server.root / name) == ENDS[name]


@pytest.mark.timeout(420)
def test_the_first_notebook_runs_cell_by_cell(notebooks: LabPage) -> None:
    name = FIRST
    notebooks.server.set_theme("JupyterLab Light")
    notebooks.page.set_viewport_size(SHORT)
    notebooks.open(f"{name}/{name}.ipynb")
    notebooks.page.set_viewport_size(VIEW)
    run_cells(notebooks, name)
    check_end(notebooks, name)
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


@pytest.mark.timeout(420)
@pytest.mark.parametrize("name", [*OTHERS, NIGHTLY])
def test_all_cells_of_a_notebook_are_run_from_the_menu(notebooks: LabPage, name: str) -> None:
    run_from_menu(notebooks, name)
    check_end(notebooks, name)


@pytest.mark.docker
@pytest.mark.timeout(420)
def test_so_are_those_of_the_one_on_containers(
    notebooks: LabPage, docker_engine: TestEngine
) -> None:
    settings = notebooks.server.root / CONTAINERS / "mlmagic.toml"
    settings.write_text(f'base_image = "{docker_engine.base}"\n')
    run_from_menu(notebooks, CONTAINERS)
    check_end(notebooks, CONTAINERS)


def run_from_menu(notebooks: LabPage, name: str) -> None:
    """Run all cells, and wait until the last has run."""
    path = notebooks.server.root / name / f"{name}.ipynb"
    story = nbformat.read(path, 4)
    code = [place for place, cell in enumerate(story.cells) if cell.cell_type == "code"]
    for place in code:
        story.cells[place].execution_count = None  # those to come are waited for
    nbformat.write(story, path)
    notebooks.page.set_viewport_size(SHORT)
    notebooks.open(f"{name}/{name}.ipynb")
    notebooks.page.set_viewport_size(VIEW)
    notebooks.page.get_by_role("menuitem", name="Run", exact=True).click()
    notebooks.page.locator(".lm-Menu [data-command='runmenu:run-all']").click()
    prompt = notebooks.cell(code[-1]).locator(".jp-InputPrompt")
    prompt.filter(has_text=f"[{len(code)}]").wait_for(timeout=300_000)
