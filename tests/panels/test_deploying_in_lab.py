"""The deploy panel in JupyterLab: a service from a form, and the environment that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from accessibility import check_accessible, check_narrow
from conftest import open_lab, workspace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser

    from mlmagic import Workspace

pytestmark = pytest.mark.browser

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    with workspace_of(lab_server.root / "deploying", "score.py", SCRIPT) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    lab_server.write_notebook("deploying/panel.ipynb", ["%load_ext mlmagic", "%deploy --panel", ""])
    with open_lab(browser, lab_server) as lab:
        lab.open("deploying/panel.ipynb")
        lab.run(0)
        lab.run(1)
        yield lab


def test_a_service_is_planned_and_deployed_from_a_form(notebook, workspace):
    panel = notebook.output(1).locator(".mlm-deploy")
    deploy = panel.get_by_role("button", name="Deploy", exact=True)
    deploy.wait_for()
    assert deploy.is_disabled()
    panel.get_by_text("Look at “name”.").wait_for()
    panel.get_by_label("name", exact=True).fill("formed-svc")
    panel.get_by_label("models", exact=True).fill("weights:1")
    panel.get_by_label("script", exact=True).fill("score.py")
    panel.get_by_text("Options of the target").click()
    workers = panel.get_by_label("workers", exact=True)
    workers.fill("0")
    panel.get_by_text("out of range; allowed: at least 1").wait_for()
    workers.fill("2")
    panel.get_by_text("out of range").wait_for(state="hidden")

    panel.get_by_role("button", name="As a cell").click()
    text = panel.get_by_label("Text", exact=True)
    text.filter(has_text="formed-svc").wait_for()
    written = "%deploy formed-svc --model weights:1 --script score.py --target local --workers 2"
    assert text.inner_text() == written
    panel.get_by_role("button", name="Plan").click()
    panel.get_by_text("Plan: create").wait_for()
    panel.locator("ins", has_text="weights:1").first.wait_for()
    notebook.screenshot("deploy-plan", panel)
    assert not workspace.webservices

    colours = []
    for button in (panel.get_by_role("button", name="Plan"), deploy):
        button.hover()
        colours.append(button.evaluate("place => getComputedStyle(place).backgroundColor"))
    assert colours[0] != colours[1]  # white letters are on no pale ground under the mouse
    deploy.click()
    service = notebook.output(1).locator(".mlm-service")
    service.locator(".mlm-chip", has_text="Healthy").wait_for()
    notebook.screenshot("deploy-done", notebook.output(1))
    assert [model.id for model in workspace.show_service("formed-svc").record.spec.models] == [
        "weights:1"
    ]


def test_what_cannot_be_deployed_is_told(notebook):
    panel = notebook.output(1).locator(".mlm-deploy")
    panel.get_by_label("script", exact=True).fill("missing.py")
    panel.get_by_role("button", name="Plan").click()
    panel.get_by_role("alert").get_by_text("missing.py").wait_for()


def test_an_executed_cell_becomes_the_script_and_the_form_becomes_files(notebook, workspace):
    notebook.execute(2, SCRIPT)
    panel = notebook.output(1).locator(".mlm-deploy")
    panel.get_by_text("Capture a cell as the script").click()
    panel.get_by_label("Source of the cell").get_by_text("def run(raw_data)").wait_for()
    panel.get_by_label("File", exact=True).fill("captured.py")
    panel.get_by_label("models", exact=True).fill("missing:1")
    panel.get_by_role("button", name="Capture", exact=True).click()
    part = panel.locator("details", has=notebook.page.get_by_label("Source of the cell"))
    part.get_by_role("alert").get_by_text("'missing'").wait_for()  # beside its button
    panel.get_by_label("models", exact=True).fill("weights:1")
    panel.get_by_role("button", name="Capture", exact=True).click()
    panel.get_by_label("Result of the check").get_by_text("captured from In [").wait_for()
    assert panel.get_by_label("script", exact=True).input_value() == "captured.py"
    assert (workspace.root / "captured.py").read_text() == SCRIPT

    panel.get_by_role("button", name="As YAML").click()
    panel.get_by_label("inferenceconfig.yml", exact=True).get_by_text("captured.py").wait_for()
    notebook.screenshot("deploy-files", panel)
    panel.get_by_role("button", name="Write the files").click()
    panel.get_by_text("inferenceconfig.yml and deploymentconfig.yml are written.").wait_for(
        state="attached"
    )
    assert "workers: 2" in (workspace.root / "deploymentconfig.yml").read_text()


def test_what_is_there_is_replaced_only_after_a_question(notebook, workspace):
    script, config = workspace.root / "captured.py", workspace.root / "deploymentconfig.yml"
    panel = notebook.output(1).locator(".mlm-deploy")
    for button, words, file in (
        ("Capture", "Replace captured.py?", script),
        ("Write the files", "Replace deploymentconfig.yml?", config),
    ):
        written = file.read_text()
        file.write_text("# by hand\n")
        question = panel.get_by_role("alertdialog", name=words)
        panel.get_by_role("button", name=button, exact=True).click()
        question.wait_for()
        notebook.screenshot(f"deploy-{file.stem}-replace", panel)
        notebook.page.keyboard.press("Enter")  # "Keep" has the focus
        question.wait_for(state="hidden")
        assert file.read_text() == "# by hand\n"
        panel.get_by_role("button", name=button, exact=True).press("Enter")
        question.get_by_role("button", name="Replace").click()
        wait_until(notebook, lambda file=file, written=written: file.read_text() == written)


def test_fields_follow_the_target_and_values_of_variables_are_not_saved(notebook):
    panel = notebook.output(1).locator(".mlm-deploy")
    panel.get_by_label("target", exact=True).fill("kubernetes")
    period = panel.get_by_label("liveness period seconds", exact=True)
    period.wait_for()
    assert period.get_attribute("placeholder") == "10"
    panel.get_by_label("autoscale min", exact=True).fill("5")
    panel.get_by_label("autoscale max", exact=True).fill("3")
    panel.get_by_role("alert").get_by_text("minimum '5' is above its maximum '3'").wait_for()
    panel.get_by_text("More", exact=True).click()
    panel.get_by_label("variables", exact=True).fill("TOKEN=s3cret-of-the-test")
    panel.get_by_text("TOKEN: held by this kernel, not saved").wait_for()
    notebook.screenshot("deploy-kubernetes", panel)
    notebook.save()
    assert "s3cret-of-the-test" not in notebook.file.read_text()


def test_what_it_deployed_is_there_after_a_reload_and_in_a_notebook_opened_anew(notebook):
    # The test before has saved it.
    service = notebook.output(1).locator(".mlm-service")
    for load in (notebook.page.reload, lambda: notebook.open("deploying/panel.ipynb")):
        load()
        service.locator(".mlm-chip", has_text="Healthy").wait_for()
        service.get_by_role("heading", name="formed-svc").wait_for()
    notebook.execute(2, "%ml service stop formed-svc")
    service.locator(".mlm-chip", has_text="Stopped").wait_for()


def test_the_environment_that_it_made_is_looked_at(notebook, workspace):
    (deployed,) = [e for e in workspace.list_environments() if e.used_by]
    workspace.define_environment("newer", "anywidget==0.9.0")
    workspace.environments.lock(workspace.environments.get("newer"))
    notebook.execute(2, f"%ml environment show {deployed.name}")
    panel = notebook.output(2).locator(".mlm-environment")
    panel.get_by_role("heading", name=deployed.name).wait_for()
    row = panel.get_by_role("row").filter(has_text="uvicorn")
    assert "scoring server" in row.inner_text()
    notebook.screenshot("environment", panel)

    panel.get_by_label("Beside").select_option(label=f"newer ({lock_of(workspace, 'newer')})")
    panel.get_by_role("rowheader", name="anywidget").wait_for()
    panel.get_by_role("searchbox", name="Search the packages").fill("widget 0.9")
    row.wait_for(state="detached")
    panel.get_by_label("Only differences").check()
    text = panel.get_by_role("row").filter(has_text="anywidget").inner_text()
    assert text.split() == ["anywidget", "not", "here", "0.9.0"]
    panel.get_by_role("searchbox", name="Search the packages").fill("")


def test_everybody_can_use_them(notebook):
    for place, name in ((1, "deploy"), (2, "environment")):
        panel = notebook.output(place).locator(f".mlm-{name}")
        check_narrow(notebook, panel, f"{name}-narrow")
        check_accessible(notebook, panel)


def test_two_on_a_page_share_no_ids(notebook):
    notebook.execute(2, "%deploy --panel")
    notebook.output(2).get_by_label("name", exact=True).fill("second-svc")
    assert notebook.output(1).get_by_label("name", exact=True).input_value() == "formed-svc"
    ids = notebook.page.locator(".mlm-deploy [id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def wait_until(lab: LabPage, holds: Callable[[], bool]) -> None:
    """Wait for what the page tells nobody of."""
    for _ in range(900):
        if holds():
            return
        lab.page.wait_for_timeout(100)
    pytest.fail("It does not come about.")


def lock_of(workspace: Workspace, name: str) -> str:
    lock = workspace.show_environment(name).lock
    assert lock is not None
    return lock.short
