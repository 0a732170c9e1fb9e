"""A folder as a user of Azure ML v1 had it, and the real SDK in an environment of its own."""

from __future__ import annotations

import json
import os
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

    from tests.engine.fixtures import TestEngine

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
def in_containers(
    project: Path, docker_engine: TestEngine, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers stand for ``aci`` and ``aks``; their names are no other project's."""
    monkeypatch.setenv("MLMAGIC_ACI_TARGET", "docker")
    monkeypatch.setenv("MLMAGIC_AKS_TARGET", "docker")
    on_image(project, docker_engine.base, monkeypatch)
    for path in (*project.glob("*.py"), *project.glob("*.ipynb")):
        path.write_text(path.read_text().replace("-service", f"-{unique}"))


def on_image(project: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an image be the base of services, and what the corpus calls its own."""
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", base)
    script = project / "environments.py"
    script.write_text(script.read_text().replace("myregistry.azurecr.io/mybase:1", base))


@pytest.fixture
def unchanged(project: Path) -> Callable[[str], list[str]]:
    """Run a script of the corpus as it is, with its arguments; the lines that it printed."""

    def run(line: str) -> list[str]:
        return done(project, sys.executable, "-m", "mlmagic.azureml", *line.split()).splitlines()

    return run


@pytest.fixture
def az(project: Path) -> Callable[..., str]:
    """Run lines of ``az ml`` through the alias that we print; what they printed."""

    def run(lines: str, *, code: int = 0) -> str:
        return done(project, "bash", "-ec", f'eval "$(mlmagic alias az)"\n{lines}', code=code)

    return run


@pytest.fixture
def by_notebook(project: Path) -> Callable[[], str]:
    """Run the seed sequence as a notebook, unattended; the targets of what is left at its end."""

    def run() -> str:
        notebook = nbformat.read(project / "seed.ipynb", as_version=4)
        asked = (
            "import mlmagic\nprint([it.target for it in mlmagic.Workspace('.').list_services()])"
        )
        notebook.cells.insert(-1, nbformat.v4.new_code_cell(asked))
        nbformat.write(notebook, project / "seed.ipynb")
        words = "-m mlmagic run seed.ipynb out.ipynb --azureml --cleanup always --result r.json"
        done(project, sys.executable, *words.split())
        cells = nbformat.read(project / "out.ipynb", as_version=4).cells
        streams = [out for cell in cells for out in cell.get("outputs", ()) if "text" in out]
        said = "".join(out.text for out in streams).splitlines()
        for line in (
            "myws",
            "state: running",
            'ACI service creation operation finished, operation "Succeeded"',
            "state: Healthy",
            "two",
            "logged: True",
            "[]",
        ):
            assert line in said, f"{line!r} is not in:\n{said}"
        assert said.count("{'text': 'one', 'data': [1, 2], 'greeting': 'hello'}") == 2
        services = json.loads((project / "r.json").read_text())["services"]
        assert [each["state"] for each in services] == ["Deleted", "Deleted"]
        return next(line for line in said if line.startswith("['"))

    return run


def done(project: Path, *command: str, code: int = 0) -> str:
    """Run a command in the project; what it printed, or its errors where it has to fail."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    answer = subprocess.run(
        command,
        cwd=project, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert answer.returncode == code, answer.stdout[-3000:] + answer.stderr[-3000:]
    return answer.stderr if code else answer.stdout


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
