"""Copies of the notebooks, each with a workspace of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def notebooks(tmp_path: Path, processes: dict[str, str]) -> Iterator[Path]:
    """A copy of the notebooks' folder; services left in it are deleted afterwards."""
    folder = tmp_path / "notebooks"
    ignore = shutil.ignore_patterns(".*", "*.py", "*.executed.ipynb", "result.json")
    shutil.copytree(ROOT / "notebooks", folder, ignore=ignore)
    yield folder
    delete_services(folder, processes)


@pytest.fixture
def mlmagic(notebooks: Path, processes: dict[str, str]) -> Callable[..., int]:
    """Run the command in the notebooks' folder and return its exit code."""

    def run(*arguments: str, python: str = sys.executable) -> int:
        command = [python, "-m", "mlmagic", *arguments]
        return subprocess.run(command, cwd=notebooks, env=processes, check=False).returncode

    return run


def delete_services(folder: Path, environment: dict[str, str]) -> None:
    """Delete what a failed test may have left."""
    code = (
        "from mlmagic import Workspace\n"
        "for service in Workspace().list_services():\n"
        "    service.delete()\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=False)
