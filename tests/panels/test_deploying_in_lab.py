"""The deploy panel in JupyterLab: a service from a form, without a line of code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import open_lab

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    folder = lab_server.root / "deploying"
    folder.mkdir()
    workspace = Workspace.create(folder)
    (folder / "score.py").write_text(SCRIPT)
    (folder / "weights.txt").write_text("1")
    workspace.register_model(folder / "weights.txt", name="weights")
    yield workspace
    for service in workspace.list_services():
        service.delete()


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
    assert deploy.is_disabled()  # no name yet
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
