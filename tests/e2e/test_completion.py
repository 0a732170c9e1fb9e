"""The tab key in a shell, as bash itself asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlmagic import Workspace

BIN = Path(sys.executable).parent
# What bash does at a tab: the function of the command, with the line as far as the cursor.
PRESS = """
eval "$(mlmagic completion bash)"
COMP_LINE="$1" COMP_POINT=${#1}
_mlmagic
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    workspace = Workspace.create(folder)
    (folder / "model.txt").write_text("one")
    workspace.register_model(folder / "model.txt", name="hello")
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("mlmagic serv", {"service", "services"}),
        ("mlmagic model sh", {"show"}),
        ("mlmagic model show he", {"hello", "hello:1"}),
        ("mlmagic model show hello:", {"1"}),  # bash keeps what stands before the colon
        ("mlmagic model list -o js", {"json", "jsonc"}),
        ("mlmagic model register --model-fr", {"--model-framework", "--model-framework-version"}),
        ("mlmagic nosuch x", {""}),
    ],
)
def test_bash_completes_verbs_options_and_names(folder: Path, line: str, told: set[str]) -> None:
    done = run(folder, "bash", "-c", PRESS, "bash", line)
    assert (done.stderr, {*done.stdout.rstrip("\n").split("\n")}) == ("", told)


def test_each_shell_has_its_script(folder: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "mlmagic complete --" in run(folder, "mlmagic", "completion", shell).stdout
    wrong = run(folder, "mlmagic", "completion", "bsh")
    assert (wrong.returncode, "Did you mean 'bash'" in wrong.stderr) == (2, True)
