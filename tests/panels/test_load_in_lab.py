"""What ten talkative services, and panels that come and go, cost a notebook; counted, not timed."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import open_lab

from mlmagic import Workspace
from mlmagic.panels.service import KEPT_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Page, WebSocket

pytestmark = pytest.mark.browser

SERVICES = 10
UPDATES_PER_SECOND = 4  # of each panel
MESSAGES = 200
OTHER_LINES = 5
CYCLES, ROUND = 60, 20
NAMES = [f"talking-{n}-svc" for n in range(SERVICES)]
# 100 lines a second each.
SCRIPT = """\
import itertools
import threading
import time


def talk():
    for n in itertools.count():
        print("line", n, "of what a talkative script says", flush=True)
        if n % 10 == 9:
            time.sleep(0.1)


def init():
    threading.Thread(target=talk, daemon=True).start()


def run(raw_data):
    return 1
"""
SHOW = """\
from mlmagic import Workspace
from mlmagic.panels.service import panel_of

workspace = Workspace(".")
panels = [panel_of(service) for service in workspace.list_services()]
display(*panels)"""
# Rows, how many lines it says are not shown, and the last line that says its number.
LOGS = """
(logs) => logs.map((log) => {
  const rows = [...log.querySelectorAll(".mlm-lines > div")].map((row) => row.textContent);
  const last = rows.findLastIndex((row) => / - line \\d+/.test(row));
  return {
    rows: rows.length,
    last,
    number: Number(/ - line (\\d+)/.exec(rows[last])[1]),
    dropped: Number(/([\\d,.]+) earlier/.exec(log.innerText)?.[1].replace(/[,.]/g, "") ?? 0),
  };
})
"""
CYCLE_IMPORTS = f"""\
import gc, sys, threading, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import comm
from fake_service import FakeService
from mlmagic.panels.service import ServicePanel
panel, cycle = None, 0"""
CYCLE = """\
if panel is not None:
    panel.close()
cycle += 1
svc = FakeService(f"cycle-{cycle}-svc")
svc.come_up()
panel = ServicePanel(svc, watch=svc.watch)
panel"""
# Threads end by themselves, soon after what they worked for.
COUNT = """\
panel.close()
for _ in range(600):
    threads = [each.name for each in threading.enumerate() if "mlmagic-panel" in each.name]
    if not threads:
        break
    time.sleep(0.1)
gc.collect()
print("left", len(comm.get_comm_manager().comms), threads)"""


@pytest.fixture(scope="module")
def workspace(lab_server: LabServer) -> Iterator[Workspace]:
    folder = lab_server.root / "load"
    folder.mkdir()
    workspace = Workspace.create(folder)
    (folder / "talk.py").write_text(SCRIPT)
    for name in NAMES:
        workspace.deploy(name, script=folder / "talk.py", sample=None, wait=False)
    for name in NAMES:
        workspace.show_service(name).wait_for_deployment()
    yield workspace
    for service in workspace.list_services():
        service.delete()


class Updates:
    """Dates and sizes of the updates of widgets that a page gets from its kernel."""

    def __init__(self, page: Page) -> None:
        self.dates: list[datetime] = []
        self.largest = 0
        page.on("websocket", self._follow)

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._take)

    def _take(self, frame: str | bytes) -> None:
        frame = frame.encode() if isinstance(frame, str) else frame
        if b'"comm_msg"' in frame and b'"update"' in frame:
            date = re.search(rb'"date": ?"([^"]+)"', frame)
            assert date is not None
            self.dates.append(datetime.fromisoformat(date[1].decode()))
            self.largest = max(self.largest, len(frame))


def test_ten_services_with_a_thousand_lines_a_second_leave_the_notebook_usable(
    browser: Browser, lab_server: LabServer, workspace: Workspace
) -> None:
    lab_server.write_notebook("load/soak.ipynb", ["%load_ext mlmagic", "%ml services", SHOW, ""])
    with open_lab(browser, lab_server) as lab:
        updates = Updates(lab.page)
        lab.open("load/soak.ipynb")
        for place in range(3):
            lab.run(place)
        logs = lab.output(2).locator(".mlm-log")
        lab.page.wait_for_function(
            "n => [...document.querySelectorAll('.mlm-log')].filter(log =>"
            " / earlier /.test(log.innerText)).length === n",
            arg=SERVICES,
        )
        first = logs.evaluate_all(LOGS)
        updates.dates.clear()
        while len(updates.dates) < MESSAGES:
            lab.page.wait_for_timeout(200)
        # What is typed is taken, and runs, meanwhile.
        lab.cell(3).locator(".cm-content").click()
        lab.page.keyboard.type("6 * 7")
        lab.run(3)
        lab.output(3).get_by_text("42", exact=True).wait_for()
        second = logs.evaluate_all(LOGS)
        lab.screenshot("load", lab.output(2).locator(".mlm-log").first)

        # By the kernel's own dates: a slow page does not make them more.
        seconds = (max(updates.dates) - min(updates.dates)).total_seconds()
        most = UPDATES_PER_SECOND * (SERVICES + 1) * (seconds + 1)
        assert len(updates.dates) <= most
        assert updates.largest < 100_000
        for before, after in zip(first, second, strict=True):
            assert before["rows"] <= KEPT_LINES
            assert after["rows"] <= KEPT_LINES
            assert after["dropped"] > before["dropped"] > 0
            # Each line is shown or counted; the server itself may have said a few.
            counted = [each["dropped"] + each["last"] - each["number"] for each in (before, after)]
            assert 0 <= counted[1] - counted[0] <= OTHER_LINES


def test_sixty_cycles_leave_no_listener_no_comm_and_no_thread(
    browser: Browser, lab_server: LabServer
) -> None:
    lab_server.write_notebook("cycles.ipynb", [CYCLE_IMPORTS, CYCLE, COUNT])
    with open_lab(browser, lab_server) as lab:
        lab.open("cycles.ipynb")
        lab.run(0)
        open_panels(lab, range(1, 6))  # what JupyterLab and the kernel make once is there then
        left = left_in_kernel(lab)
        open_panels(lab, range(6, 11))
        counts = [listeners(lab)]
        for begin in range(11, 11 + CYCLES, ROUND):
            open_panels(lab, range(begin, begin + ROUND))
            counts.append(listeners(lab))
        # What each panel leaves behind grows in every round; what the page does once, in one.
        grown = [after - before for before, after in pairwise(counts)]
        assert min(grown) < ROUND, grown
        assert left_in_kernel(lab) == left


def open_panels(lab: LabPage, cycles: range) -> None:
    """Close a panel and open the next one, by the keyboard: JupyterLab counts clicks as work."""
    lab.cell(1).locator(".cm-content").click()
    for cycle in cycles:
        lab.page.keyboard.press("Control+Enter")
        lab.output(1).get_by_role("heading", name=f"cycle-{cycle}-svc").wait_for()


def listeners(lab: LabPage) -> int:
    """How many listeners the page has that are not garbage, once their number stays.

    A view has some 160: they come after its heading, and go when the page has time.
    """
    devtools = lab.page.context.new_cdp_session(lab.page)
    devtools.send("Performance.enable")
    seen: list[int] = []
    while len(seen) < 4 or len({*seen[-4:]}) > 1:
        assert len(seen) < 120, f"the number of listeners does not stay: {seen}"
        lab.page.wait_for_timeout(500)
        devtools.send("HeapProfiler.collectGarbage")
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        seen += [int(each["value"]) for each in metrics if each["name"] == "JSEventListeners"]
    devtools.detach()
    return seen[-1]


def left_in_kernel(lab: LabPage) -> str:
    lab.run(2)
    text = lab.output(2).inner_text()
    assert text.startswith("left ")
    assert text.rstrip().endswith("[]")
    return text
