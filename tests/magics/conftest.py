"""A real IPython shell that raises what a cell raises, and a real kernel."""

from __future__ import annotations

import os

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel
from traitlets.config import Config

from mlmagic import Workspace


class TestingShell(InteractiveShell):
    """Runs cells and raises their errors; keeps no history on disk."""

    __test__ = False

    def cell(self, code: str):
        """Run a cell and return its result."""
        return self.run_cell(code, store_history=True).raise_error() or self.last_result

    def run_cell(self, *arguments, **keywords):
        self.last_result_object = super().run_cell(*arguments, **keywords)
        return self.last_result_object

    @property
    def last_result(self):
        return self.last_result_object.result


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A shell with the magics, in a workspace of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / ".ipython"))
    (tmp_path / "pyproject.toml").touch()
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    config.HistoryManager.enabled = False
    config.Completer.use_jedi = False
    shell = TestingShell(config=config)
    shell.run_line_magic("load_ext", "mlmagic")
    yield shell
    shell.run_line_magic("unload_ext", "mlmagic")
    shell.history_manager.end_session()
    shell.restore_sys_module_state()


class Kernel:
    """A real kernel; every cell's messages are kept."""

    def __init__(self, client):
        self.client = client

    def run(
        self, code: str, *, interactive: bool = True, store_history: bool = True
    ) -> list[tuple[str, dict]]:
        """Run a cell and return the types and contents of what it sent."""
        sent: list[tuple[str, dict]] = []
        self.client.execute_interactive(
            code,
            allow_stdin=interactive,
            store_history=store_history,
            timeout=120,
            output_hook=lambda message: sent.append((message["msg_type"], message["content"])),
        )
        return [(kind, content) for kind, content in sent if kind != "status"]

    def send(self, code: str) -> str:
        """Start a cell and return at once; `collect` takes what it sends."""
        return self.client.execute(code, allow_stdin=True)

    def collect(self, cell: str) -> list[tuple[str, dict]]:
        """Wait for a cell that was started and return what it sent."""
        sent: list[tuple[str, dict]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["content"].get("execution_state") == "idle":
                return sent
            sent.append((message["msg_type"], message["content"]))

    def error(self, code: str) -> dict:
        """Run a cell that fails and return its error."""
        return next(content for kind, content in self.run(code) if kind == "error")

    def text(self, code: str) -> str:
        """Run a cell and return the text of what it ends with."""
        sent = self.run(code)
        assert [kind for kind, _ in sent if kind == "error"] == [], sent
        return next(c["data"]["text/plain"] for kind, c in sent if kind == "execute_result")


def start_kernel(folder):
    """Start a kernel with the magics in a folder, and return it with its manager."""
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "MLMAGIC_HEADLESS")}
    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(folder), env=environment | {"MPLBACKEND": "agg"}
    )
    kernel = Kernel(client)
    kernel.folder = folder
    kernel.manager = manager
    kernel.run("%load_ext mlmagic")
    return kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel with the magics, in a workspace of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "pyproject.toml").touch()
    kernel = start_kernel(folder)
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernels(tmp_path):
    """Start kernels in one workspace; at the end they and its services are gone."""
    (tmp_path / "pyproject.toml").touch()
    started = []

    def start():
        started.append(start_kernel(tmp_path))
        return started[-1]

    yield start
    for service in Workspace(tmp_path).list_services():
        service.delete()
    for kernel in started:
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel(now=True)
