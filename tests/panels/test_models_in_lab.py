"""The models panel in JupyterLab, over a real registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from accessibility import check_accessible, check_narrow
from conftest import open_lab
from filelock import FileLock

from mlmagic import Workspace
from mlmagic.files import digest_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"


def fill(folder: Path) -> Workspace:
    """A registry with versions, tags and a model that a service uses."""
    workspace = Workspace.create(folder)
    for number, stage in enumerate(("test", "prod"), 1):
        (folder / "weights.txt").write_text(f"weights {number}")
        workspace.register_model(
            folder / "weights.txt",
            name="churn",
            tags={"stage": stage},
            properties={"auc": f"0.{number}"},
            sample={"data": [number]},
        )
    (folder / "other.txt").write_text("other")
    workspace.register_model(folder / "other.txt", name="iris", description="Petals")
    (folder / "score.py").write_text(SCRIPT)
    workspace.deploy(
        "churn-svc", models=["churn:2"], script=folder / "score.py", wait=True, timeout=120
    )
    return workspace


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    folder = lab_server.root / "models"
    folder.mkdir()
    workspace = fill(folder)
    yield workspace
    for service in workspace.list_services():
        service.delete()


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    lab_server.write_notebook("models/panel.ipynb", ["%load_ext mlmagic", "%ml models", ""])
    with open_lab(browser, lab_server) as lab:
        lab.open("models/panel.ipynb")
        lab.run(0)
        lab.run(1)
        yield lab


@pytest.fixture
def panel(notebook: LabPage) -> Locator:
    return notebook.output(1).locator(".mlm-models-panel")


def row(panel: Locator, model: str) -> Locator:
    return panel.get_by_role("button", name=model, exact=True)


def test_finds_by_words_tags_and_properties(notebook, panel):
    row(panel, "churn:2").wait_for()
    row(panel, "iris:1").wait_for()
    search = panel.get_by_role("searchbox", name="Search the models")
    search.fill("petals")
    row(panel, "churn:2").wait_for(state="detached")
    search.fill("auc=0.1")
    row(panel, "churn:1").wait_for()  # the newest of those that match
    search.fill("auc=0.1 stage=prod")
    panel.get_by_text("No model has all of that.").wait_for()
    search.fill("")
    panel.get_by_label("All versions").check()
    panel.get_by_role("button", name="stage=prod").click()
    row(panel, "churn:1").wait_for(state="detached")
    assert search.input_value() == "stage=prod"
    search.fill("")
    row(panel, "churn:1").wait_for()


def test_compares_two_versions(notebook, panel):
    for model in ("churn:2", "churn:1"):
        panel.get_by_role("checkbox", name=f"Choose {model} to compare").check()
    panel.get_by_role("button", name="Compare", exact=True).click()
    differences = panel.get_by_label("Differences")
    differences.get_by_role("heading", name="churn:1 → churn:2").wait_for()
    assert "tag stage test → prod" in differences.inner_text()


def test_tells_all_of_a_model_and_refuses_to_delete_one_in_use(notebook, panel, workspace):
    row(panel, "churn:2").click()
    details = panel.get_by_label("churn:2", exact=True)
    details.get_by_text("churn-svc", exact=True).wait_for()
    assert "weights.txt" in details.inner_text()
    assert '{"data": [2]}' in details.inner_text()
    details.get_by_text("Card", exact=True).click()
    details.get_by_label("Card").get_by_text("# churn, version 2").wait_for()
    notebook.screenshot("models", panel)
    details.get_by_role("button", name="Deploy …").click()
    form = notebook.output(1).locator(".mlm-deploy")
    form.get_by_role("button", name="Plan").wait_for()
    assert form.get_by_label("models", exact=True).input_value() == "churn:2"
    form.locator("[id]:focus").wait_for()  # where its first field waits
    details.get_by_role("button", name="Delete …").click()
    panel.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    panel.get_by_role("alert").get_by_text("churn-svc").wait_for()
    assert [model.id for model in workspace.list_models(name="churn")] == ["churn:1", "churn:2"]


def test_what_is_open_is_there_after_a_reload(notebook, panel):
    notebook.cell(0).locator(".cm-content").click()
    notebook.save()
    notebook.page.reload()
    panel.get_by_label("churn:2", exact=True).get_by_text("churn-svc", exact=True).wait_for()
    form = notebook.output(1).locator(".mlm-deploy")
    form.get_by_role("button", name="Plan").wait_for()
    assert row(panel, "churn:2").get_attribute("aria-expanded") == "true"


def test_registers_a_file_and_deletes_it_by_keyboard(notebook, panel, workspace):
    page = notebook.page
    panel.get_by_role("button", name="Register …").focus()
    page.keyboard.press("Enter")
    page.keyboard.insert_text("missing.bin")
    page.keyboard.press("Enter")
    panel.get_by_role("alert").get_by_text("The name is missing.").wait_for()
    panel.locator(":focus[aria-label=Name]").wait_for()
    for text in ("late", "stage=new"):
        page.keyboard.insert_text(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    panel.get_by_role("alert").get_by_text("missing.bin").wait_for()
    (workspace.root / "missing.bin").write_text("here now")
    page.keyboard.press("Enter")
    panel.get_by_label("late:1", exact=True).wait_for()
    row(panel, "late:1").wait_for()
    panel.locator(":focus", has_text="Register …").wait_for()
    panel.get_by_label("late:1", exact=True).get_by_role("button", name="Delete …").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")  # from "Keep" to "Delete"
    page.keyboard.press("Enter")
    row(panel, "late:1").wait_for(state="detached")
    panel.locator(":focus").wait_for()
    page.keyboard.press("Escape")
    page.locator(".jp-Cell:focus").wait_for()


def test_cancels_a_registration(notebook, panel, workspace):
    big = workspace.root / "big.bin"
    big.write_bytes(bytes(3 << 20))
    panel.get_by_role("button", name="Register …").click()
    form = panel.locator("form.mlm-register")
    form.get_by_label("File or folder").fill("big.bin")
    form.get_by_label("Name").fill("big")
    lock = workspace.content.root / "locks" / f"{digest_file(big)[:2]}.lock"
    with FileLock(lock):  # it waits where it would be stored
        form.get_by_role("button", name="Register", exact=True).click()
        form.get_by_text("big: reading, 3.1 MB of 3.1 MB").wait_for()
        notebook.screenshot("models-registering", panel)
        form.get_by_role("button", name="Cancel").click()
        form.get_by_text("big: cancelling …").wait_for()
    panel.get_by_role("alert").get_by_text("was cancelled; nothing was registered").wait_for()
    assert workspace.list_models(name="big") == []
    form.get_by_role("button", name="Cancel").click()
    form.wait_for(state="hidden")


def test_sees_what_is_registered_elsewhere(panel, workspace):
    (workspace.root / "other.txt").write_text("newer")
    workspace.register_model(workspace.root / "other.txt", name="elsewhere")
    panel.get_by_label("All versions").uncheck()
    row(panel, "elsewhere:1").wait_for()


def test_everybody_can_use_it(notebook, panel):
    row(panel, "churn:2").click()
    details = panel.get_by_label("churn:2", exact=True)
    details.get_by_role("button", name="Delete …").click()
    panel.get_by_role("alertdialog").wait_for()
    check_narrow(notebook, panel, "models-narrow")
    check_accessible(notebook, panel)
