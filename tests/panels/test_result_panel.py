"""The Python half of the result panel, over a real run and a real report."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from mlmagic import Workspace as LocalWorkspace
from mlmagic.azureml.core import Experiment, Workspace
from mlmagic.azureml.importing import import_project
from mlmagic.azureml.widgets import RunDetails
from mlmagic.panels.result import ResultPanel
from mlmagic.presentation import present

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def facts(panel: ResultPanel) -> dict[str, str]:
    return dict(panel.blocks[0]["facts"])


def test_a_run_is_followed_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    LocalWorkspace.create(tmp_path)
    run = Experiment(Workspace.from_config(), "trials").start_logging()
    details = RunDetails(run)
    panel = ResultPanel("Run", details.look, details.stamp)
    assert facts(panel)["status"] == "Running"
    assert panel.blocks[1] == {
        "kind": "table",
        "columns": ["metric", "value", "times"],
        "rows": [],
        "empty": "Nothing is logged yet.",
    }
    run.log("loss", 0.5)
    run.log("loss", 0.25)
    run.log_row("curve", x=1, y=2)
    rows = [["loss", "0.25", "2"], ["curve", "x=1, y=2", "1"]]
    wait_until(lambda: panel.blocks[1]["rows"] == rows)
    run.complete()
    wait_until(lambda: facts(panel)["status"] == "Completed")
    assert re.fullmatch(r"[\d-]{10} [\d:]{8} UTC", facts(panel)["ended"])
    assert details.stamp() is None
    assert "0.25" in panel.to_html()
    panel.close()


def test_a_report_is_facts_and_tables(tmp_path: Path) -> None:
    text = "from azureml.core.webservice import AciWebservice\nfrom azureml.core import Dataset\n"
    (tmp_path / "deploy.py").write_text(text + "AciWebservice.deploy_configuration()\n")
    report = import_project(tmp_path)
    panel = ResultPanel("Import", lambda: present(report))
    assert facts(panel)["needs a decision"] == "1 place"
    # First what the reader has to decide.
    assert [*facts(panel)][2:] == ["needs a decision", "mapped"]
    table, mapped = (block for block in panel.blocks if block["kind"] == "table")
    assert table["columns"] == ["needs a decision", "here", "where"]
    assert table["rows"][0][1:] == ["Read the data with pandas or fsspec.", "deploy.py:2"]
    assert mapped["columns"] == ["mapped", "here", "where"]
    panel.close()
