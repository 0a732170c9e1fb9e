"""A folder as a user of Azure ML v1 had it, and the real SDK in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The corpus with its ``.azureml/config.json``; every service is deleted afterwards."""
    folder = tmp_path / "project"
    shutil.copytree(CORPUS, folder)
    (folder / ".azureml").mkdir()
    content = {"subscription_id": "sub", "resource_group": "rg", "workspace_name": "myws"}
    (folder / ".azureml" / "config.json").write_text(json.dumps(content))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLMAGIC_ACI_TARGET", "local")
    monkeypatch.setenv("MLMAGIC_AKS_TARGET", "local")
    yield folder
    for service in Workspace(folder).list_services():
        service.delete()


@pytest.fixture
def unchanged(project: Path) -> Callable[[str], str]:
    """Run a script of the corpus as it is; what it printed."""

    def run(script: str) -> str:
        answer = subprocess.run(
            [sys.executable, "-m", "mlmagic.azureml", script],
            cwd=project, capture_output=True, text=True, check=False, env=dict(os.environ),
        )  # fmt: skip
        assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
        return answer.stdout

    return run


@pytest.fixture(scope="session")
def real_sdk() -> Path:
    """The Python of an environment with azureml-core, made once from its lock."""
    home = ROOT / ".venv-azureml"
    python = home / "bin" / "python"
    lock = ROOT / "requirements-azureml.txt"
    stamp = home / "lock"
    if not stamp.is_file() or stamp.read_bytes() != lock.read_bytes():
        for words in (
            ["venv", "-q", "--clear", "--python", sys.executable, str(home)],
            ["pip", "sync", "-q", "--python", str(python), "--require-hashes", str(lock)],
        ):
            subprocess.run([sys.executable, "-m", "uv", *words], check=True, cwd=ROOT)
        stamp.write_bytes(lock.read_bytes())
    return python
