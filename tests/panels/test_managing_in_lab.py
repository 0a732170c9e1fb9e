"""What is done to a real service from its panel: looked into, asked, changed, deleted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from accessibility import check_accessible, check_narrow, tab_to
from conftest import open_lab

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

    from mlmagic.services import Webservice

pytestmark = pytest.mark.browser

NAME = "managed-svc"
SCRIPT = """\
import json
import os
import time


def init():
    global name
    name = open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.txt")).read()
    while os.path.exists(os.environ["HOLD"] + name):
        time.sleep(0.05)
    print("WARNING the weights are old")


def run(raw_data):
    rows = json.loads(raw_data)["data"]
    print("INFO asked for", len(rows))
    if rows[0]["age"] < 0:
        raise ValueError("age is negative")
    return [name, sum(row["age"] for row in rows)]
"""
SAMPLE = {"data": [{"age": 41.5, "smokes": True, "city": "Bern"}]}
SOON = 120


@pytest.fixture(scope="module")
def service(lab_server: LabServer) -> Iterator[Webservice]:
    folder = lab_server.root / "managed"
    folder.mkdir()
    workspace = Workspace.create(folder)
    for text in ("first", "second"):
        (folder / "weights.txt").write_text(text)
        workspace.register_model(folder / "weights.txt", name="weights")
    (folder / "score.py").write_text(SCRIPT)
    service = workspace.deploy(
        NAME,
        models=["weights:1"],
        script=folder / "score.py",
        sample=SAMPLE,
        variables={"HOLD": str(folder / "hold-")},
        wait=True,
        timeout=120,
    )
    yield service
    for each in workspace.list_services():
        each.delete()


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, service: Webservice) -> Iterator[LabPage]:
    cells = ["%load_ext mlmagic", f"%ml service show {NAME}", ""]
    lab_server.write_notebook("managed/panel.ipynb", cells)
    with open_lab(browser, lab_server) as lab:
        lab.open("managed/panel.ipynb")
        lab.run(0)
        lab.run(1)
        yield lab


@pytest.fixture
def panel(notebook: LabPage) -> Locator:
    return notebook.output(1).locator(".mlm-service")


def unfold(panel: Locator, part: str) -> None:
    section = panel.locator(f".mlm-{part}")
    if not section.evaluate("element => element.open"):
        section.locator("> summary").click()


def until(condition) -> None:
    """Wait for what a process is about to do."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_form_is_made_of_the_sample_and_the_call_is_told_as_code(notebook, panel, service):
    panel.get_by_role("tab", name="Form").click()
    panel.get_by_role("button", name="Add a row").click()
    panel.get_by_label("age, row 2").fill("0.5")
    panel.get_by_role("checkbox", name="smokes, row 2").uncheck()
    panel.get_by_role("button", name="Run").click()
    panel.locator(".mlm-answer", has_text='["first", 42]').wait_for()
    panel.get_by_text("Headers").click()
    panel.locator(".mlm-headers", has_text="x-ms-request-id").wait_for()

    panel.get_by_text("The same from code").click()
    code = panel.get_by_label("Code", exact=True)
    panel.get_by_label("Language").select_option("Python")
    code.filter(has_text="urllib.request").wait_for()
    assert '"age":0.5' in code.inner_text()
    assert service.get_keys()[0] not in notebook.page.content()
    notebook.screenshot("service-form", panel)

    panel.get_by_label("age, row 1").fill("-1")
    panel.get_by_label("age, row 1").press("Control+Enter")
    panel.locator(".mlm-figures", has_text="500").wait_for()
    panel.get_by_role("tab", name="Form").press("ArrowRight")
    assert '"age": -1' in panel.get_by_role("textbox", name="Request body").input_value()


def test_the_log_is_searched_paused_and_downloaded(notebook, panel, service):
    lines = panel.locator(".mlm-lines")
    lines.get_by_text("ValueError: age is negative").first.wait_for()
    panel.get_by_label("Least level shown").select_option("error")
    panel.locator(".mlm-found", has_text="found").wait_for()
    assert not lines.get_by_text("INFO asked").first.is_visible()
    assert lines.get_by_text("ValueError: age is negative").first.is_visible()
    panel.get_by_label("Least level shown").select_option("info")
    panel.get_by_label("Search the log").fill("the weights")
    panel.locator(".mlm-found", has_text="1 line found").wait_for()
    notebook.screenshot("service-log", panel.locator(".mlm-log"))
    panel.get_by_label("Search the log").fill("")

    panel.get_by_role("button", name="Pause").click()
    service.run(SAMPLE)
    resume = panel.get_by_role("button", name="Resume (")
    resume.filter(has_text="new line").wait_for()
    until(lambda: "(0 " not in resume.inner_text())
    resume.click()
    with notebook.page.expect_download() as download:
        panel.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == f"{NAME}.log"
    assert "WARNING the weights are old" in download.value.path().read_text()


def test_a_key_is_replaced_once_confirmed(panel, service):
    old = service.get_keys()
    replace = panel.get_by_role("button", name="Replace the second key")
    replace.click()
    panel.get_by_role("button", name="Keep").click()
    replace.click()
    panel.get_by_role("button", name="Make a new key").click()
    until(lambda: service.get_keys()[1] != old[1])
    assert service.get_keys()[0] == old[0]
    panel.locator(":focus").wait_for()


def test_models_are_planned_updated_and_rolled_back(notebook, panel, service):
    unfold(panel, "manage")
    models = panel.get_by_label("Models to serve")
    models.fill("weihgts")
    models.press("Enter")
    panel.get_by_role("alert").get_by_text("weihgts").wait_for()
    models.fill("weights:2")
    models.press("Enter")
    panel.locator(".mlm-plan ins", has_text="weights:2").first.wait_for()
    notebook.screenshot("service-manage", panel)
    panel.get_by_role("button", name="Update", exact=True).click()
    until(lambda: service.status.generation == 2)
    assert json.loads(service.sample_body) == SAMPLE  # what was not changed stays
    assert service.run(SAMPLE)[0] == "second"

    unfold(panel, "revisions")
    second = panel.locator(".mlm-revisions-list > li", has_text="Revision 2")
    second.get_by_text("What it changed").click()
    second.locator("del", has_text="weights:1").first.wait_for()
    notebook.screenshot("service-revisions", panel.locator(".mlm-revisions"))
    panel.get_by_role("button", name="Roll back to revision 1").click()
    panel.get_by_role("button", name="Go back").click()
    until(lambda: service.status.generation == 3)
    panel.locator(".mlm-revisions", has_text="Revision 3").wait_for()
    panel.locator("[aria-label='Roll back to revision 1']:focus").wait_for()
    assert second.locator("del").first.is_visible()
    assert service.run(SAMPLE)[0] == "first"


def test_an_update_that_hangs_is_given_up_after_a_reload_and_the_old_revision_stays(
    notebook, panel, service
):
    hold = Path(service.record.spec.variables["HOLD"] + "second")
    hold.touch()
    panel.get_by_label("Models to serve").fill("weights:2")
    panel.get_by_role("button", name="Update", exact=True).click()
    give_up = panel.get_by_role("button", name="Cancel; keep revision 3")
    give_up.wait_for()
    notebook.save()
    notebook.page.reload()
    give_up.wait_for()
    notebook.screenshot("service-reloaded", panel)
    notebook.wait_idle()
    give_up.click()
    panel.locator(".mlm-cancel").wait_for(state="hidden")
    hold.unlink()
    assert service.run(SAMPLE)[0] == "first"


def test_everybody_can_use_it(notebook, panel):
    panel.get_by_role("tab", name="Form").click()
    panel.get_by_label("age, row 1").fill("7")
    unfold(panel, "manage")
    panel.get_by_role("button", name="Delete …").click()
    check_narrow(notebook, panel, "service-narrow")
    check_accessible(notebook, panel)
    panel.get_by_role("button", name="Keep", exact=True).click()


def test_it_is_scaled_and_deleted_by_its_name_with_the_keyboard_alone(notebook, panel, service):
    page = notebook.page
    panel.get_by_role("button", name="Show the key").focus()
    page.keyboard.press("Enter")
    panel.locator(".mlm-key", has_text=service.get_keys()[0]).wait_for()
    tab_to(page, "Reset to the sample")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the focus went on to "Run"
    panel.locator(".mlm-figures", has_text="200").wait_for()
    tab_to(page, "Replicas wanted")
    page.keyboard.insert_text("2")  # what Tab leads to is selected
    page.keyboard.press("Enter")
    panel.locator(".mlm-replicas .mlm-remark", has_text="2 of 2 ready").wait_for()
    tab_to(page, "Delete …")
    page.keyboard.press("Enter")
    yes = panel.get_by_role("button", name="Delete it")
    assert yes.is_disabled()
    page.keyboard.insert_text("managed")
    assert yes.is_disabled()
    page.keyboard.insert_text("-svc")
    notebook.screenshot("service-delete", panel)
    page.keyboard.press("Enter")
    panel.locator(".mlm-chip", has_text="Deleted").wait_for()
    panel.locator(":focus").wait_for()
    assert NAME not in Workspace(notebook.server.root / "managed").webservices
