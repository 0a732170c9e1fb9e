"""The services panel in JupyterLab, over real services."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import TYPE_CHECKING

import pytest
from accessibility import check_accessible, check_narrow
from conftest import open_lab

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

    from mlmagic.services import Webservice

pytestmark = pytest.mark.browser

SCRIPT = """\
import json


def init():
    pass


def run(raw_data):
    print("got", raw_data)
    return json.loads(raw_data)["data"]
"""
BROKEN = "def init():\n    raise ValueError('no weights')\n\n\ndef run(raw_data):\n    return 1\n"
LOSSY = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  const text = typeof data === "string" ? data : new TextDecoder().decode(data);
  const isLost = !window.hasLost && text.includes('"kind":"delete"');
  if (isLost) window.hasLost = true;
  else send.call(this, data);
};
"""


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    folder = lab_server.root / "many"
    folder.mkdir()
    workspace = Workspace.create(folder)
    for name, script in (("iris-svc", SCRIPT), ("wine-svc", SCRIPT), ("bad-svc", BROKEN)):
        deploy(workspace, name, script)
    yield workspace
    for service in workspace.list_services():
        service.delete()


def deploy(workspace: Workspace, name: str, script: str) -> Webservice:
    path: Path = workspace.root / f"{name.removesuffix('-svc')}.py"
    path.write_text(script)
    return workspace.deploy(name, script=path, sample=None, wait=False)


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer, workspace: Workspace) -> Iterator[LabPage]:
    lab_server.write_notebook("many/services.ipynb", ["%load_ext mlmagic", "%ml services", ""])
    with open_lab(browser, lab_server) as lab:
        lab.page.add_init_script(LOSSY)
        lab.open("many/services.ipynb")
        lab.run(0)
        lab.run(1)
        yield lab


@pytest.fixture
def panel(notebook: LabPage) -> Locator:
    return notebook.output(1).locator(".mlm-services")


def row(panel: Locator, name: str) -> Locator:
    return panel.locator("tbody tr", has=panel.page.get_by_role("button", name=name, exact=True))


def state(panel: Locator, name: str, word: str) -> None:
    row(panel, name).locator(".mlm-chip", has_text=word).wait_for()


def test_shows_every_service_with_its_state_and_traffic(notebook, panel, workspace):
    state(panel, "iris-svc", "Healthy")
    state(panel, "wine-svc", "Healthy")
    state(panel, "bad-svc", "Failed")
    assert "InitFailed" in row(panel, "bad-svc").inner_text()
    iris = workspace.show_service("iris-svc")
    headers = {"Authorization": f"Bearer {iris.get_keys()[0]}"}
    body = json.dumps({"data": [1]}).encode()
    busy = row(panel, "iris-svc").locator(".mlm-figure", has_text=re.compile(r"[1-9]"))
    for _ in range(300):
        request = urllib.request.Request(iris.scoring_uri or "", body, headers)
        urllib.request.urlopen(request, timeout=60).close()
        notebook.page.wait_for_timeout(20)
        if busy.count():
            break
    busy.wait_for()
    notebook.screenshot("services", panel)


def test_a_filter_leaves_what_has_all_its_words(notebook, panel):
    filter_box = panel.get_by_role("searchbox", name="Filter the services")
    filter_box.fill("healthy svc wine")
    row(panel, "iris-svc").wait_for(state="detached")
    assert panel.locator("tbody tr").count() == 1
    assert "1 of 3 services" in panel.inner_text()
    filter_box.fill("no such thing")
    panel.get_by_text("No service matches the filter.").wait_for()
    filter_box.fill("")
    row(panel, "iris-svc").wait_for()


def test_all_that_are_shown_are_chosen_at_once(panel):
    every = panel.get_by_role("checkbox", name="Choose all services shown")
    every.check()
    panel.get_by_role("button", name="Delete 3 services …").wait_for()
    every.uncheck()
    panel.get_by_role("button", name="Delete 3 services …").wait_for(state="hidden")


def test_opens_the_panel_of_a_service_and_closes_it_again(notebook, panel):
    name = panel.get_by_role("button", name="wine-svc", exact=True)
    name.click()
    opened = notebook.output(1).locator(".mlm-service")
    opened.get_by_role("heading", name="wine-svc").wait_for()
    notebook.screenshot("services-opened", notebook.output(1))
    name.click()
    opened.wait_for(state="detached")


def test_fits_a_narrow_page_in_dark_colours_after_a_reload(notebook, panel):
    name = panel.get_by_role("button", name="wine-svc", exact=True)
    name.click()
    opened = notebook.output(1).locator(".mlm-service")
    opened.get_by_role("heading", name="wine-svc").wait_for()
    notebook.cell(2).locator(".cm-content").click()  # a panel keeps its keys to itself
    notebook.save()
    notebook.server.set_theme("JupyterLab Dark")
    notebook.page.reload()
    opened.get_by_role("heading", name="wine-svc").wait_for()
    assert name.get_attribute("aria-expanded") == "true"
    name.click()
    opened.wait_for(state="detached")
    check_narrow(notebook, panel, "services-narrow")


def test_everybody_can_use_it(notebook, panel):
    check_accessible(notebook, panel)


def test_a_service_deployed_elsewhere_appears(panel, workspace):
    deploy(workspace, "late-svc", SCRIPT)
    state(panel, "late-svc", "Healthy")


def test_deletes_several_by_keyboard_once_confirmed(notebook, panel, workspace):
    panel.get_by_role("button", name="late-svc", exact=True).click()
    opened = notebook.output(1).locator(".mlm-service")
    opened.get_by_role("heading", name="late-svc").wait_for()
    for name in ("bad-svc", "late-svc"):
        panel.get_by_role("checkbox", name=f"Choose {name}").focus()
        notebook.page.keyboard.press("Space")
    remove = panel.get_by_role("button", name="Delete 2 services …")
    remove.focus()
    notebook.page.keyboard.press("Enter")
    question = panel.get_by_role("alertdialog")
    assert "bad-svc, late-svc" in question.inner_text()
    notebook.screenshot("services-delete", panel)
    notebook.page.keyboard.press("Escape")
    question.wait_for(state="hidden")
    assert "late-svc" in workspace.webservices

    notebook.page.keyboard.press("Enter")  # the button has the focus again
    question.wait_for()
    notebook.page.keyboard.press("Shift+Tab")
    notebook.page.keyboard.press("Enter")
    row(panel, "late-svc").wait_for(state="detached")
    row(panel, "bad-svc").wait_for(state="detached")
    opened.wait_for(state="detached")
    panel.get_by_role("status").get_by_text("2 services are deleted.").wait_for()
    panel.locator(":focus").wait_for()
    assert notebook.page.evaluate("window.hasLost")  # so it was asked again
    assert sorted(workspace.webservices) == ["iris-svc", "wine-svc"]


def test_says_that_the_kernel_is_gone(notebook, panel):
    notebook.restart_kernel()
    panel.get_by_text("The kernel is gone; the services are not.").wait_for()
    assert row(panel, "iris-svc").is_visible()
