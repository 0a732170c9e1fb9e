"""Whatever runs a notebook, the same models and services are there at its end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.notebooks.conftest import CONTAINERS, ENDS, NIGHTLY, TUTORIALS, left_in

RUNNERS = {
    "run": ["mlmagic", "run"],
    "papermill": ["papermill"],  # as schedulers run it that know nothing of mlmagic
    "nbval": ["pytest", "-c", "/dev/null", "-p", "no:cacheprovider", "-q", "--nbval-lax"],
    "nbconvert": ["nbconvert", "--to", "notebook", "--execute", "--output", "out.executed.ipynb"],
}


# `mlmagic run` and nbval run tutorials in the tests beside this one, JupyterLab does in
# `tests/panels/test_notebooks_in_lab.py`; they look at their ends too.
@pytest.mark.parametrize(
    ("name", "runner"),
    [
        ("07_unattended", "run"),
        *((name, "nbconvert") for name in TUTORIALS),
        *((NIGHTLY, runner) for runner in RUNNERS),
    ],
)
def test_every_runner_leaves_the_same(name, runner, notebooks):
    run(runner, name, notebooks)
    assert left_in(notebooks) == ENDS[name]


@pytest.mark.docker
@pytest.mark.parametrize("runner", RUNNERS)
def test_every_runner_leaves_the_same_of_containers(runner, notebooks, docker_engine, monkeypatch):
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    run(runner, CONTAINERS, notebooks)
    assert left_in(notebooks) == ENDS[CONTAINERS]


def run(runner, name, folder):
    """Have a notebook run from top to bottom."""
    command = [sys.executable, "-m", *RUNNERS[runner], f"{name}.ipynb"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-8000:] + answer.stderr[-8000:]
