"""JupyterLab in Chromium for tests: one server, one browser, one page per test."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, Request

    from mlmagic import Workspace

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ARTIFACTS = ROOT / "artifacts" / "panels"
TOKEN = "test-token"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Decisions of the environment that the tests make themselves.
_DECIDED = ("CI", "MLMAGIC_HEADLESS", "DISPLAY")

sys.path.insert(0, str(HERE))


def chromium_path() -> str | None:
    """Chromium of the system, or the one that Playwright installed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


class LabServer:
    """A JupyterLab of its own: own settings, own notebooks, no news."""

    def __init__(self, home: Path) -> None:
        self.root = home / "notebooks"
        self.settings = home / "settings"
        self.root.mkdir(exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        news = {"fetchNews": "false", "checkForUpdates": False}
        self.set_setting("apputils-extension/notification", news)
        # Notebooks are saved when a test says so.
        self.set_setting("docmanager-extension/plugin", {"autosave": False})
        self._log = (home / "lab.log").open("wb")
        environment = {key: value for key, value in os.environ.items() if key not in _DECIDED}
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            environment[name] = str(home / name.lower())
        environment["JUPYTERLAB_SETTINGS_DIR"] = str(self.settings)
        environment["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
        command += [f"--port={self.port}", "--ServerApp.port_retries=0", "--allow-root"]
        command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.root}"]
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._wait(home / "lab.log")

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(self.url("api/status"), timeout=5).close()
            except OSError:
                time.sleep(0.2)
            else:
                return
        self.stop()
        pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}?token={TOKEN}"

    def set_setting(self, name: str, value: dict) -> None:
        file = self.settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))

    def set_theme(self, theme: str) -> None:
        """Choose the theme of pages that are opened from now on."""
        self.set_setting("apputils-extension/themes", {"theme": theme})

    def write_notebook(self, name: str, cells: list[str]) -> Path:
        """Write a notebook with these code cells."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": kernel, "language_info": {"name": "python"}},
        )
        path = self.root / name
        nbformat.write(notebook, path)
        return path

    def end_kernels(self) -> None:
        """End what the notebooks of a test have started."""
        with urllib.request.urlopen(self.url("api/sessions"), timeout=20) as answer:
            sessions = json.load(answer)
        for session in sessions:
            url = self.url(f"api/sessions/{session['id']}")
            try:
                urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=20)
            except urllib.error.HTTPError as error:
                # A kernel that is just starting cannot be ended; the server's end takes it along.
                error.close()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def is_whole(notebook: Path) -> bool:
    """Whether all of it is written: Jupyter's server empties a file first."""
    try:
        json.loads(notebook.read_text())
    except ValueError:
        return False
    return True


class LabPage:
    """A notebook open in JupyterLab."""

    address = "lab/tree"

    def __init__(self, server: LabServer, page: Page) -> None:
        self.server = server
        self.page = page

    def open(self, name: str) -> None:
        """Open a notebook by its file name and wait for its kernel."""
        self.file = self.server.root / name
        self._load(name)
        self.wait_idle()
        dialog = self.page.locator(".jp-Dialog")
        if dialog.count():
            pytest.fail(f"JupyterLab asks: {dialog.first.inner_text()}")

    def _load(self, name: str) -> None:
        """Load the page until nothing of it is missing.

        Chromium gives up what it is loading when an interface comes or goes, as with each
        container that starts beside: JupyterLab then lacks its theme or its toolbar.
        """
        lost: list[str] = []

        def note(request: Request) -> None:
            if "ERR_NETWORK_CHANGED" in (request.failure or ""):
                lost.append(request.url)

        self.page.on("requestfailed", note)
        for _ in range(5):
            lost.clear()
            self.page.goto(self.server.url(f"{self.address}/{name}") + "&reset")
            self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
            self.page.wait_for_load_state("networkidle")
            if not lost:
                break
        self.page.remove_listener("requestfailed", note)

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        status = self.page.locator("#jp-main-statusbar").get_by_text("| Idle")
        status.wait_for(timeout=90_000)

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-Cell-outputArea")

    def prompt(self, index: int) -> str:
        """What stands before a cell: ``[ ]:``, ``[*]:`` or ``[4]:``."""
        return self.cell(index).locator(".jp-InputPrompt").inner_text().strip()

    def run(self, index: int, *, wait: bool = True) -> None:
        """Run a cell; with ``wait``, until it has ended."""
        before = self.prompt(index)
        running = self.cell(index).locator(".jp-InputPrompt").filter(has_text="[*]")
        for _ in range(200):
            self.cell(index).locator(".cm-content").first.click()
            self.page.keyboard.press("Control+Enter")
            self.page.wait_for_timeout(100)
            if not wait:
                return
            running.wait_for(state="hidden", timeout=120_000)
            # A notebook that is still connecting to its kernel forgets what it was told to run.
            if self.prompt(index) not in (before, "[ ]:"):
                return
            self.page.wait_for_timeout(300)
        pytest.fail(f"Cell {index} does not run.")

    def execute(self, index: int, code: str, *, wait: bool = True) -> None:
        """Write code into a cell and run it."""
        self.cell(index).locator(".cm-content").first.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(code)
        self.run(index, wait=wait)

    def save(self, *, by_button: bool = False) -> None:
        """Save the notebook, by key or by the toolbar's button, and wait until it is on disk."""
        before = self.file.stat().st_mtime_ns
        if by_button:
            self.page.locator(".jp-Toolbar [data-command='docmanager:save']").click()
        else:
            self.page.keyboard.press("Control+s")
        for _ in range(900):
            if self.file.stat().st_mtime_ns != before and is_whole(self.file):
                return
            self.page.wait_for_timeout(100)
        pytest.fail("JupyterLab does not save the notebook.")

    def choose_theme(self, theme: str) -> None:
        """Change the theme of this page from the menu, as a user does."""
        self.page.get_by_role("menuitem", name="Settings", exact=True).click()
        self.page.locator(".lm-Menu").get_by_text("Theme", exact=True).click()
        self.page.locator(".lm-Menu").get_by_text(theme, exact=True).click()
        self.page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")

    def show_side_bar(self, *, shown: bool) -> None:
        """Show or hide the side bar; the notebook's last cell has the focus afterwards."""
        self.page.locator(".jp-Notebook .cm-content").last.click()  # a panel keeps its keys
        self.page.keyboard.press("Control+b")
        side_bar = self.page.locator("#jp-left-stack")
        side_bar.wait_for(state="visible" if shown else "hidden")

    def restart_kernel(self) -> None:
        """Restart the kernel from the menu, as a user does."""
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.locator(".lm-Menu [data-command='kernelmenu:restart']").click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()

    def screenshot(self, name: str, part: Locator | None = None) -> Path:
        """Keep a picture of the page, or of a part of it, among the artefacts."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        (part or self.page).screenshot(path=path, animations="disabled")
        return path


class ClassicPage(LabPage):
    """A notebook open in Notebook 7: one document, in JupyterLab's parts."""

    address = "notebooks"

    def wait_idle(self) -> None:
        """Wait until the kernel is there: nothing is said then, and no more when it is busy."""
        status = self.page.locator(".jp-NotebookKernelStatus").filter(has_text=re.compile(r"^$"))
        status.wait_for(state="attached")

    def show_side_bar(self, *, shown: bool) -> None:
        """Do nothing: it has none unless it is asked for."""


@pytest.fixture(scope="module")  # no longer: Playwright's loop runs in this thread while it lives
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        reason = "Chromium is not installed: apt install chromium, or playwright install chromium"
        if "browser" in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def lab_server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@contextmanager
def open_lab(
    browser: Browser, server: LabServer, kind: type[LabPage] = LabPage
) -> Iterator[LabPage]:
    """Open a page of its own on the server; its kernels end with it."""
    server.set_theme("JupyterLab Light")
    context = browser.new_context(viewport={"width": 1180, "height": 1100})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(90_000)  # a machine under load is slow, not wrong
    try:
        yield kind(server, context.new_page())
    finally:
        context.close()
        server.end_kernels()


@contextmanager
def workspace_of(folder: Path, script: str, text: str) -> Iterator[Workspace]:
    """Make a workspace with a script and the model ``weights:1``; its services go with it."""
    from mlmagic import Workspace

    folder.mkdir()
    workspace = Workspace.create(folder)
    (folder / script).write_text(text)
    (folder / "weights.txt").write_text("1")
    workspace.register_model(folder / "weights.txt", name="weights")
    yield workspace
    for service in workspace.list_services():
        service.delete()


@pytest.fixture
def lab(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    with open_lab(browser, lab_server) as page:
        yield page
