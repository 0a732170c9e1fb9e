"""Copies of the notebooks, each with a workspace of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
# What notebooks leave, whatever runs them; tutorials delete their services, the night job does not.
ENDS = {
    "01_first_service": (["diabetes:1"], []),
    "02_update_and_headless": (["diabetes:1", "progression:1", "progression:2"], []),
    "03_when_things_fail": (["fragile:1"], []),
    "04_containers": (["risk:1"], []),
    "05_kubernetes": (["risk:1"], []),
    "06_panels": (["glucose:1", "glucose:2"], []),
    "07_unattended": (["threshold:1"], []),
    "08_models": (["progression:1", "progression:2"], []),
    "09_from_azure_ml": ([], []),
    "nightly/nightly": (["threshold:1"], [("nightly-svc", "Healthy", ["threshold:1"])]),
}
CONTAINERS = "04_containers"
CLUSTERS = "05_kubernetes"
NIGHTLY = "nightly/nightly"
# Those that need no container and no cluster.
TUTORIALS = [name for name in ENDS if name not in (CONTAINERS, CLUSTERS, NIGHTLY)]


@pytest.fixture
def notebooks(tmp_path: Path) -> Iterator[Path]:
    """A copy of the notebooks' folder; services left in it are deleted afterwards."""
    folder = tmp_path / "notebooks"
    copy_notebooks(folder)
    yield folder
    delete_services(folder)


@pytest.fixture
def mlmagic(notebooks: Path) -> Callable[..., int]:
    """Run the command in the notebooks' folder and return its exit code."""

    def run(*arguments: str) -> int:
        command = [sys.executable, "-m", "mlmagic", *arguments]
        return subprocess.run(command, cwd=notebooks, check=False).returncode

    return run


def copy_notebooks(folder: Path) -> None:
    """Copy them, without what runs have left, into a workspace of their own."""
    ignore = shutil.ignore_patterns(".*", "*.executed.ipynb", "result.json")
    shutil.copytree(ROOT / "notebooks", folder, ignore=ignore)
    Workspace.create(folder)  # of the night job, too


def delete_services(folder: Path) -> None:
    """Delete what a failed test may have left."""
    for service in Workspace(folder).list_services():
        service.delete()


def left_in(folder: Path) -> tuple[list[str], list[tuple[str, str, list[str]]]]:
    """Return the models, and the services with their states and models, of a folder."""
    workspace = Workspace(folder)
    services = [service.snapshot() for service in workspace.list_services()]
    return (
        [model.id for model in workspace.list_models()],
        [(each["name"], each["state"], each["models"]) for each in services],
    )


def shown(notebook: Path, source: str) -> list[str]:
    """Return what the cell that begins so shows, as text."""
    (cell,) = [
        c for c in nbformat.read(notebook, as_version=4).cells if c.source.startswith(source)
    ]
    return [output.data["text/plain"] for output in cell.outputs if "data" in output]
