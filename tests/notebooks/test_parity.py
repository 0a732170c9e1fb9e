"""Whatever runs a notebook, the same models and services are there at its end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.notebooks.conftest import ENDS, left_in

RUNNERS = {
    "papermill": ["mlmagic", "run"],
    "nbval": ["pytest", "-c", "/dev/null", "-p", "no:cacheprovider", "-q", "--nbval-lax"],
    "nbconvert": ["nbconvert", "--to", "notebook", "--execute", "--output", "out.executed.ipynb"],
}


# Papermill and nbval run tutorials in the tests beside this one, which look at their ends too.
@pytest.mark.parametrize(
    ("name", "runner"),
    [
        ("01_first_service", "nbconvert"),
        ("06_panels", "nbconvert"),
        ("07_unattended", "papermill"),
        ("07_unattended", "nbconvert"),
        *(("nightly/nightly", runner) for runner in RUNNERS),
    ],
)
def test_every_runner_leaves_the_same(name, runner, notebooks):
    command = [sys.executable, "-m", *RUNNERS[runner], f"{name}.ipynb"]
    answer = subprocess.run(command, cwd=notebooks, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-8000:] + answer.stderr[-8000:]
    assert left_in(notebooks) == ENDS[name]
