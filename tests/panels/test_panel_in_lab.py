"""The service panel in a real JupyterLab in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from accessibility import check_accessible
from conftest import open_lab
from fake_service import KEY, URI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser

IMPORTS = f"""\
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import time
from fake_service import FakeService, in_background
from mlmagic.panels import display_service"""
SHOW = """\
svc = FakeService()
display_service(svc, watch=svc.watch)"""


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    """A notebook with three cells, the last of them empty."""
    lab_server.write_notebook("panel.ipynb", [IMPORTS, SHOW, ""])
    with open_lab(browser, lab_server) as lab:
        lab.open("panel.ipynb")
        lab.run(0)
        yield lab


@pytest.fixture
def panel(notebook: LabPage) -> Locator:
    """The panel of a service that was submitted just now."""
    notebook.run(1)
    panel = notebook.output(1).locator(".mlm-panel")
    expect_state(panel, "Transitioning")
    return panel


def expect_state(panel: Locator, state: str) -> None:
    panel.locator(".mlm-chip", has_text=state).wait_for()


def test_moves_while_a_cell_runs_and_while_the_kernel_is_idle(notebook, panel):
    notebook.screenshot("transitioning-environment", panel)
    begin = "svc.go('init', 'Initialising', 'init() is running.', 'INFO init() of score.py')"
    notebook.execute(2, f"{begin}\ntime.sleep(5)", wait=False)
    panel.locator("li[aria-current=step]", has_text="init()").wait_for()
    assert notebook.prompt(2) == "[*]:"
    notebook.screenshot("transitioning-init", panel)
    notebook.wait_idle()

    notebook.execute(2, "_ = in_background(lambda: (time.sleep(1.5), svc.come_up()))")
    assert panel.locator(".mlm-chip").inner_text() == "Transitioning"
    expect_state(panel, "Healthy")
    panel.locator(".mlm-lines", has_text="ready on").wait_for()
    assert panel.locator(".mlm-progress").is_hidden()
    assert "Healthy" in panel.locator(".mlm-offscreen[role=status]").inner_text()
    notebook.screenshot("healthy", panel)


def test_copies_the_uri_and_shows_the_key_only_on_demand(notebook, panel):
    notebook.execute(2, "svc.come_up()")
    panel.get_by_role("button", name="Copy the scoring URI").click()
    panel.locator(".mlm-done").wait_for()
    assert notebook.page.evaluate("navigator.clipboard.readText()") == URI

    assert KEY not in notebook.page.content()
    panel.get_by_role("button", name="Show the key").click()
    panel.locator(".mlm-key", has_text=KEY).wait_for()
    panel.get_by_role("button", name="Hide the key").click()
    assert KEY not in notebook.page.content()
    panel.get_by_role("button", name="Copy the key").click()
    notebook.page.wait_for_function(
        f"navigator.clipboard.readText().then(text => text === '{KEY}')"
    )


def test_scores_the_sample_and_what_the_user_makes_of_it(notebook, panel):
    notebook.execute(2, "svc.come_up()")
    panel.get_by_role("button", name="Run").click()
    panel.locator(".mlm-answer", has_text="[189.8, 82.5]").wait_for()
    assert panel.locator(".mlm-figures").inner_text().startswith("200 · ")
    notebook.screenshot("healthy-tried", panel)

    body = panel.get_by_role("textbox", name="Request body")
    body.fill('{"bad": 1}')
    body.press("Control+Enter")
    panel.locator(".mlm-figures", has_text="400").wait_for()
    assert "no" in panel.locator(".mlm-answer").inner_text()
    panel.get_by_role("button", name="Reset to the sample").click()
    assert "bmi" in body.input_value()


def test_is_used_by_keyboard_without_waking_the_notebook(notebook, panel):
    notebook.execute(2, "svc.come_up()")
    cells = notebook.page.locator(".jp-Notebook .jp-Cell").count()
    panel.locator(".mlm-try > summary").focus()
    notebook.page.keyboard.press("Enter")
    panel.locator(".mlm-try:not([open])").wait_for()
    notebook.page.keyboard.press("Enter")
    panel.get_by_role("textbox", name="Request body").press("b")
    panel.get_by_role("button", name="Run").focus()
    notebook.page.keyboard.press("Enter")
    panel.locator(".mlm-answer", has_text="189.8").wait_for()
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == cells


def test_the_log_follows_until_the_reader_scrolls_up(notebook, panel):
    notebook.execute(2, "svc.come_up()\nsvc.say(*(f'line {n}' for n in range(400)))")
    lines = panel.locator(".mlm-lines")
    lines.get_by_text("line 399", exact=True).wait_for()
    assert lines.locator("div").count() == 300
    assert "105 earlier lines not shown" in panel.locator(".mlm-log").inner_text()
    at_end = "element => element.scrollTop + element.clientHeight >= element.scrollHeight - 2"
    assert lines.evaluate(at_end)

    lines.evaluate("element => { element.scrollTop = 100 }")
    panel.locator(".mlm-resume").wait_for()
    notebook.execute(2, "svc.say('the newest')")
    resume = panel.get_by_role("button", name="1 new line")
    resume.wait_for()
    assert not lines.evaluate(at_end)
    notebook.screenshot("log-paused", panel.locator(".mlm-log"))
    resume.click()
    assert lines.evaluate(at_end)


def test_shows_why_it_failed_with_the_lines_of_the_cell(notebook, panel):
    notebook.execute(2, "svc.go('init', 'Initialising', 'init() is running.')\nsvc.fail()")
    expect_state(panel, "Failed")
    traceback = panel.get_by_label("Traceback", exact=True)
    assert "In [4], line 7, in init()" in traceback.inner_text()
    assert panel.locator("li[data-status=failed]").inner_text() == "init()"
    assert panel.locator(".mlm-try").is_hidden()
    notebook.screenshot("failed", panel)


def test_nothing_turns_for_those_who_want_no_motion(notebook, panel):
    notebook.execute(2, "svc.go('init', 'Initialising', 'init() is running.')")
    panel.locator("li[aria-current=step]", has_text="init()").wait_for()
    moving = "element => element.getAnimations({ subtree: true }).length"
    assert panel.evaluate(moving) > 0
    notebook.page.emulate_media(reduced_motion="reduce")
    assert panel.evaluate(moving) == 0
    notebook.page.emulate_media(reduced_motion="null")


def test_what_colours_tell_is_told_where_the_system_chooses_them(notebook, panel):
    notebook.execute(2, "svc.come_up()")
    panel.get_by_role("tab", name="JSON").click()
    notebook.page.emulate_media(forced_colors="active")
    colour = "(element, name) => getComputedStyle(element)[name]"
    surface = panel.evaluate(colour, "backgroundColor")
    dot = panel.locator(".mlm-chip .mlm-dot")
    assert dot.evaluate(colour, "backgroundColor") != surface
    below = "borderBottomColor"
    for name, is_shown in (("JSON", True), ("Form", False), ("File", False)):
        tab = panel.get_by_role("tab", name=name)
        assert (tab.evaluate(colour, below) != surface) == is_shown
    notebook.screenshot("forced-colours", panel)
    notebook.page.emulate_media(forced_colors="null")


def test_everybody_can_read_why_it_failed(notebook, panel):
    notebook.execute(2, "svc.go('init', 'Initialising', 'init() is running.')\nsvc.fail()")
    expect_state(panel, "Failed")
    check_accessible(notebook, panel)


def test_shows_html_where_nobody_answers(notebook):
    notebook.execute(
        2,
        "svc = FakeService()\nsvc.be_healthy()\ndisplay_service(svc, live=False)",
    )
    card = notebook.output(2).locator(".mlmagic-service")
    card.get_by_text(URI).wait_for()
    assert notebook.output(2).locator(".mlm-panel").count() == 0
    notebook.screenshot("static-healthy", notebook.output(2))


def test_several_views_in_a_notebook_move_together(notebook, panel):
    show = "display_service(svc, watch=svc.watch)"
    notebook.execute(2, f"{show}\n_ = in_background(lambda: (time.sleep(1.5), svc.come_up()))")
    twin = notebook.output(2).locator(".mlm-panel")
    for each in (panel, twin):
        expect_state(each, "Healthy")
    twin.get_by_role("button", name="Show the key").click()
    twin.locator(".mlm-key", has_text=KEY).wait_for()
    assert KEY not in panel.inner_text()


def test_a_second_browser_tab_shows_the_same(notebook, panel):
    notebook.execute(2, "svc.come_up()")
    expect_state(panel, "Healthy")
    notebook.save()
    with notebook.page.context.new_page() as other:
        other.goto(notebook.server.url("lab/workspaces/second/tree/panel.ipynb"))
        twin = other.locator(".mlm-service")
        expect_state(twin, "Healthy")
        notebook.execute(2, "svc.fail()")
        expect_state(twin, "Failed")
    expect_state(panel, "Failed")


def test_comes_back_after_a_reload_and_tells_when_the_kernel_goes(notebook, panel):
    notebook.execute(2, "svc.come_up()")
    expect_state(panel, "Healthy")
    notebook.save()
    notebook.server.set_theme("JupyterLab Dark")
    notebook.page.reload()
    notebook.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    expect_state(panel, "Healthy")
    notebook.wait_idle()
    panel.get_by_role("button", name="Run").click()
    panel.locator(".mlm-answer", has_text="189.8").wait_for()
    notebook.screenshot("dark-healthy", panel)
    notebook.execute(2, "svc.fail()")
    expect_state(panel, "Failed")
    notebook.screenshot("dark-failed", panel)
    notebook.screenshot("dark-page")

    notebook.restart_kernel()
    panel.get_by_text("The kernel is gone").wait_for()
    notebook.screenshot("dark-kernel-gone", panel)
    notebook.wait_idle()
    assert panel.get_by_text("The kernel is gone").is_visible()
