"""The service panel in a real JupyterLab in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fake_service import KEY, URI

if TYPE_CHECKING:
    from conftest import LabPage
    from playwright.sync_api import Locator

pytestmark = pytest.mark.browser

IMPORTS = f"""\
import sys
sys.path.insert(0, {__file__.rpartition("/")[0]!r})
import time
from fake_service import FakeService, in_background
from mlmagic.panels import display_service
svc = FakeService()"""
SHOW = "display_service(svc, watch=svc.watch)"


@pytest.fixture
def panel(lab: LabPage, request: pytest.FixtureRequest) -> Locator:
    """The panel of a service that has just been submitted, with three cells to act on it."""
    name = f"{request.node.originalname}.ipynb"
    lab.server.write_notebook(name, [IMPORTS, SHOW, *getattr(request, "param", [])])
    lab.open(name)
    lab.run(0)
    lab.run(1)
    panel = lab.output(1).locator(".mlm-panel")
    panel.wait_for()
    return panel


def expect_state(panel: Locator, state: str) -> None:
    panel.locator(".mlm-chip", has_text=state).wait_for()


MOVING = [
    "svc.go('init', 'Initialising', 'init() is running.', 'INFO init()')\ntime.sleep(4)",
    "in_background(lambda: (time.sleep(1.5), svc.come_up()))",
]


@pytest.mark.parametrize("panel", [MOVING], indirect=True)
def test_moves_while_a_cell_runs_and_while_the_kernel_is_idle(lab: LabPage, panel: Locator) -> None:
    expect_state(panel, "Transitioning")
    lab.screenshot("transitioning-environment", panel)
    lab.run(2, wait=False)
    panel.locator("li[aria-current=step]", has_text="init()").wait_for()
    assert lab.prompt(2) == "[*]:"
    lab.screenshot("transitioning-init", panel)
    lab.wait_idle()

    lab.run(3)
    expect_state(panel, "Transitioning")
    expect_state(panel, "Healthy")
    assert panel.locator(".mlm-progress").is_hidden()
    assert "Healthy" in panel.locator("[role=status]").inner_text()
    assert "ready on" in panel.locator(".mlm-lines").inner_text()
    lab.screenshot("healthy", panel)


UP = ["svc.come_up()"]


@pytest.mark.parametrize("panel", [UP], indirect=True)
def test_copies_the_uri_and_shows_the_key_only_on_demand(lab: LabPage, panel: Locator) -> None:
    lab.run(2)
    panel.get_by_role("button", name="Copy the scoring URI").click()
    panel.locator(".mlm-done").wait_for()
    assert lab.page.evaluate("navigator.clipboard.readText()") == URI

    assert KEY not in lab.page.content()
    panel.get_by_role("button", name="Show the key").click()
    panel.locator(".mlm-key", has_text=KEY).wait_for()
    panel.get_by_role("button", name="Hide the key").click()
    assert KEY not in lab.page.content()
    panel.get_by_role("button", name="Copy the key").click()
    lab.page.wait_for_function(f"navigator.clipboard.readText().then(text => text === '{KEY}')")


@pytest.mark.parametrize("panel", [UP], indirect=True)
def test_scores_the_sample_and_what_the_user_makes_of_it(lab: LabPage, panel: Locator) -> None:
    lab.run(2)
    panel.get_by_role("button", name="Run").click()
    panel.locator(".mlm-answer", has_text="[189.8, 82.5]").wait_for()
    assert panel.locator(".mlm-figures").inner_text().startswith("200 · ")
    lab.screenshot("healthy-tried", panel)

    body = panel.get_by_role("textbox", name="Request body")
    body.fill('{"bad": 1}')
    body.press("Control+Enter")
    panel.locator(".mlm-figures", has_text="400").wait_for()
    assert "no" in panel.locator(".mlm-answer").inner_text()
    panel.get_by_role("button", name="Reset to the sample").click()
    assert "bmi" in body.input_value()


@pytest.mark.parametrize("panel", [UP], indirect=True)
def test_is_used_by_keyboard_without_waking_notebook_shortcuts(
    lab: LabPage, panel: Locator
) -> None:
    lab.run(2)
    cells = lab.page.locator(".jp-Notebook .jp-Cell").count()
    summary = panel.locator(".mlm-try > summary")
    summary.focus()
    lab.page.keyboard.press("Enter")
    assert panel.locator(".mlm-try[open]").count() == 0
    lab.page.keyboard.press("Enter")
    panel.get_by_role("textbox", name="Request body").press("b")
    panel.get_by_role("button", name="Run").focus()
    lab.page.keyboard.press("Enter")
    panel.locator(".mlm-answer", has_text="189.8").wait_for()
    assert lab.page.locator(".jp-Notebook .jp-Cell").count() == cells


LOGGING = ["svc.come_up()\nsvc.say(*(f'line {n}' for n in range(400)))", "svc.say('the newest')"]


@pytest.mark.parametrize("panel", [LOGGING], indirect=True)
def test_the_log_follows_until_the_reader_scrolls_up(lab: LabPage, panel: Locator) -> None:
    lab.run(2)
    lines = panel.locator(".mlm-lines")
    lines.get_by_text("line 399", exact=True).wait_for()
    assert lines.locator("div").count() == 300
    assert "105 earlier lines not shown" in panel.locator(".mlm-log").inner_text()
    at_end = "element => element.scrollTop + element.clientHeight >= element.scrollHeight - 2"
    assert lines.evaluate(at_end)

    lines.evaluate("element => { element.scrollTop = 100 }")
    panel.locator(".mlm-resume").wait_for()
    lab.run(3)
    resume = panel.get_by_role("button", name="1 new line")
    resume.wait_for()
    assert not lines.evaluate(at_end)
    lab.screenshot("log-paused", panel.locator(".mlm-log"))
    resume.click()
    assert lines.evaluate(at_end)


FAILING = ["svc.go('init', 'Initialising', 'init() runs.')\nsvc.fail()"]


@pytest.mark.parametrize("panel", [FAILING], indirect=True)
def test_shows_why_it_failed_with_the_lines_of_the_cell(lab: LabPage, panel: Locator) -> None:
    lab.run(2)
    expect_state(panel, "Failed")
    traceback = panel.get_by_label("Traceback", exact=True)
    assert "In [4], line 7, in init()" in traceback.inner_text()
    assert panel.locator("li[data-status=failed]").inner_text() == "init()"
    assert panel.locator(".mlm-try").is_hidden()
    lab.screenshot("failed", panel)


BOTH = ["svc.come_up()", "svc.fail()"]


@pytest.mark.parametrize("panel", [BOTH], indirect=True)
def test_comes_back_after_a_reload_in_the_dark_and_tells_when_the_kernel_goes(
    lab: LabPage, panel: Locator
) -> None:
    lab.run(2)
    expect_state(panel, "Healthy")
    lab.page.keyboard.press("Control+s")
    lab.server.set_theme("JupyterLab Dark")
    lab.page.reload()
    lab.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    expect_state(panel, "Healthy")
    panel.get_by_role("button", name="Run").click()
    panel.locator(".mlm-answer", has_text="189.8").wait_for()
    lab.screenshot("dark-healthy", panel)
    lab.wait_idle()
    lab.run(3)
    expect_state(panel, "Failed")
    lab.screenshot("dark-failed", panel)
    lab.screenshot("dark-page")

    lab.page.keyboard.press("Escape")
    lab.page.locator(
        "[data-command='notebook:restart-kernel'], [title^='Restart the kernel']"
    ).first.click()
    lab.page.get_by_role("button", name="Restart", exact=True).click()
    panel.get_by_text("The kernel is gone").wait_for()
    lab.screenshot("dark-kernel-gone", panel)
