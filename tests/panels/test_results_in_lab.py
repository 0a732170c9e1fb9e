"""The panel of results in JupyterLab: a run of Azure ML v1's shape, and an import report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from accessibility import check_accessible, check_narrow, tab_to
from conftest import open_lab

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser

RUN = """\
%load_ext mlmagic
from mlmagic.azureml.core import Experiment, Workspace
from mlmagic.azureml.widgets import RunDetails
run = Experiment(Workspace.from_config(), "trials").start_logging()
RunDetails(run).show()"""
REPORT = "%ml import azureml v1"
LINKED = """\
from ipywidgets import Text, VBox, jslink
from mlmagic.panels.result import ResultPanel
from mlmagic.presentation import present
text = Text(description="Title")
panel = ResultPanel("Numbers", lambda: present([{"n": n} for n in range(12)]))
jslink((panel, "title"), (text, "value"))
VBox([text, panel])"""
V1 = "from azureml.core import Dataset\n"


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    folder = lab_server.root / "results"
    (folder / "v1").mkdir(parents=True)
    (folder / "v1" / "deploy.py").write_text(V1)
    Workspace.create(folder)
    lab_server.write_notebook("results/panels.ipynb", [RUN, REPORT, LINKED, ""])
    with open_lab(browser, lab_server) as lab:
        lab.open("results/panels.ipynb")
        for place in range(3):
            lab.run(place)
        yield lab


def panel(notebook: LabPage, place: int) -> Locator:
    return notebook.output(place).locator(".mlm-result-panel")


def test_a_run_is_followed_until_it_ends(notebook):
    run = panel(notebook, 0)
    run.get_by_text("Running").wait_for()
    run.get_by_text("Nothing is logged yet.").wait_for()
    notebook.execute(3, 'run.log("loss", 0.5)')
    run.get_by_role("row", name="loss 0.5 1").wait_for()
    notebook.execute(3, 'run.log("loss", 0.25)\nrun.complete()')
    run.get_by_role("row", name="loss 0.25 2").wait_for()
    run.get_by_text("Completed").wait_for()
    notebook.screenshot("result-run", run)


def test_a_report_tells_where_a_decision_is_needed(notebook):
    report = panel(notebook, 1)
    report.get_by_role("heading", name="Import of 'v1'").wait_for()
    report.get_by_role("row", name="Dataset Read the data with pandas").wait_for()
    notebook.screenshot("result-report", report)


def test_rows_are_searched_by_keyboard_and_a_control_is_linked_in_the_page(notebook):
    numbers = panel(notebook, 2)
    notebook.output(2).get_by_label("Title").fill("Renamed in the page")
    numbers.get_by_role("heading", name="Renamed in the page").wait_for()
    tab_to(notebook.page, "Search the rows")
    notebook.page.keyboard.type("11")
    numbers.get_by_role("status").get_by_text("1 of 12 rows").wait_for()
    notebook.page.keyboard.type("nowhere")
    numbers.get_by_text("No row has all of that.").wait_for()
    notebook.execute(3, "print(panel.title)")
    notebook.output(3).get_by_text("Renamed in the page").wait_for()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_everybody_can_use_it(notebook, place):
    check_narrow(notebook, panel(notebook, place), f"result-{place}-narrow")
    check_accessible(notebook, panel(notebook, place))
