"""The package that is built, installed where nothing else is, does the main job from a shell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = [sys.executable, "-m", "uv"]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source archive, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([*UV, "build", "-q", "--out-dir", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a virtual environment with the wheel."""
    prefix = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([*UV, "venv", "-q", prefix], check=True)
    install = [*UV, "pip", "install", "-q", "--python", prefix, f"{wheel}[examples]"]
    subprocess.run(install, check=True)
    return prefix / "bin"


@pytest.fixture
def shell(installed: Path, tmp_path: Path):
    """Run a command of the installed package in an empty folder, and return what it prints."""
    left_out = ("JUPYTER", "VIRTUAL_ENV", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    path = f"{installed}{os.pathsep}{os.environ['PATH']}"
    environment = kept | {"PATH": path}

    def run(*command: str, code: int = 0, folder: str = ".") -> str:
        program = shutil.which(command[0], path=path)
        answer = subprocess.run(
            [program or command[0], *command[1:]],
            cwd=tmp_path / folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.returncode == code, f"{command}\n{answer.stdout}\n{answer.stderr}"
        return answer.stdout

    yield run
    for folder in (".", "demo"):
        if (tmp_path / folder).is_dir():
            for service in json.loads(
                run("mlmagic", "service", "list", "-o", "json", folder=folder)
            ):
                run("mlmagic", "service", "delete", service["name"], folder=folder)


def packaged_files() -> set[str]:
    """The files of the package in this checkout that belong into the wheel."""
    patterns = ("*.pyc", "__pycache__")
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mlmagic").rglob("*")
        if path.is_file()
        and not any(part.match(p) for p in patterns for part in (path, path.parent))
    }


def test_the_wheel_holds_the_package_whole_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == packaged_files()
    needed = {
        "mlmagic/panels/static/service.js",
        "mlmagic/panels/static/panels.css",
        "mlmagic/py.typed",
        "mlmagic/registry/migrations/env.py",
        "mlmagic/runs/project/diabetes.ipynb",
        "mlmagic/scoring/requirements.txt",
    }
    assert needed <= names
    assert any(name.startswith("mlmagic/registry/migrations/versions/") for name in names)


def test_the_source_archive_holds_what_tests_and_panels_are_made_of(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE", "README.md", "CHANGELOG.md", "notebooks/01_first_service.ipynb",
        "pyproject.toml", "tests/e2e/test_install.py", "widgets/package-lock.json",
    } <= names  # fmt: skip


def test_the_main_job_from_a_shell(shell, tmp_path):
    assert "mlmagic" in shell("mlmagic", "--version")
    shell("mlmagic", "quickstart", "demo")
    shell("mlmagic", "run", "demo/diabetes.ipynb", "--result", "result.json")
    result = json.loads((tmp_path / "result.json").read_text())
    assert [service["state"] for service in result["services"]] == ["Healthy"]

    def mlmagic(*words: str) -> str:
        return shell("mlmagic", *words, folder="demo")  # the notebook's folder is the workspace

    (service,) = json.loads(mlmagic("service", "list", "-o", "json"))
    assert (service["name"], service["state"]) == ("diabetes-svc", "Healthy")
    assert len(json.loads(mlmagic("service", "run", "diabetes-svc"))) == 2
    mlmagic("service", "delete", "diabetes-svc")
    assert json.loads(mlmagic("service", "list", "-o", "json")) == []


TRAIN = """
import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), "iris.joblib")
"""
SCORE = """
import json
import os

import joblib


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "iris.joblib"))


def run(raw_data):
    return model.predict(json.loads(raw_data)["data"]).tolist()
"""


def test_a_file_becomes_a_service_with_the_verbs_of_az_ml(shell, tmp_path):
    (tmp_path / "score.py").write_text(SCORE)
    (tmp_path / "requirements.txt").write_text("joblib\nscikit-learn\n")
    inference = {"entryScript": "score.py", "sourceDirectory": "."}
    (tmp_path / "inference.json").write_text(json.dumps(inference))
    (tmp_path / "deployment.json").write_text(json.dumps({"computeType": "local"}))
    shell("python", "-c", TRAIN)
    shell("mlmagic", "model", "register", "-n", "iris", "-p", "iris.joblib", "--tag", "from=shell")
    configured = ("--ic", "inference.json", "--dc", "deployment.json")
    shell("mlmagic", "model", "deploy", "-n", "iris-svc", "-m", "iris:1", *configured)
    body = json.dumps({"data": [[5.1, 3.5, 1.4, 0.2]]})
    assert json.loads(shell("mlmagic", "service", "run", "-n", "iris-svc", "-d", body)) == [0]
    shell("mlmagic", "model", "delete", "-i", "iris:1", code=1)


def test_errors_are_one_line_and_a_code(shell):
    shell("mlmagic", "service", "show", "nothing", code=1)
    shell("mlmagic", "run", "missing.ipynb", code=2)
    shell("mlmagic", "no-such-verb", code=2)
