"""The outputs that are committed are those that come out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.notebooks.conftest import ENDS, TUTORIALS, left_in


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_committed_outputs_come_out_again(name, notebooks):
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "no:cacheprovider", "-q"]
    command += ["--nbval", "--nbval-sanitize-with", "sanitize.cfg", f"{name}.ipynb"]
    answer = subprocess.run(command, cwd=notebooks, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-8000:]
    assert left_in(notebooks) == ENDS[name]
