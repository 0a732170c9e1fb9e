"""Binder's environment, made from the files in ``binder/`` alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.notebooks.conftest import ENDS, left_in

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ["01_first_service", "02_update_and_headless", "03_when_things_fail"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of Binder's user."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def binder(tmp_path_factory: pytest.TempPathFactory, home: Path) -> dict[str, str]:
    """Environment variables under which a Python made from ``binder/`` is the first."""
    prefix = tmp_path_factory.mktemp("binder") / "venv"
    subprocess.run([sys.executable, "-m", "uv", "venv", "-q", prefix], check=True)
    requirements = ["-r", "binder/requirements.txt"]
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", prefix]
    subprocess.run([*install, *requirements], cwd=ROOT, check=True)
    left_out = ("JUPYTER", "VIRTUAL_ENV", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {
        "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
    }


@pytest.mark.timeout(600)
def test_post_build_opens_the_first_notebook_and_leaves_the_checkout_as_it_is(
    binder, home, tmp_path
):
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "notebooks", checkout / "notebooks")
    before = sorted(checkout.rglob("*"))
    subprocess.run([ROOT / "binder" / "postBuild"], cwd=checkout, env=binder, check=True)
    assert sorted(checkout.rglob("*")) == before
    settings = home / ".jupyter" / "jupyter_server_config.d" / "mlmagic.json"
    url = json.loads(settings.read_text())["ServerApp"]["default_url"]
    assert (ROOT / url.removeprefix("/lab/tree/")).is_file()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_notebooks_run_in_it(name, binder, notebooks):
    command = ["mlmagic", "run", f"{name}.ipynb", "--result", "outcome.json"]
    subprocess.run(command, cwd=notebooks, env=binder, check=True)
    outcome = json.loads((notebooks / "outcome.json").read_text())
    assert {service["state"] for service in outcome["services"]} == {"Deleted"}
    assert left_in(notebooks) == ENDS[name]


def test_jupyterlab_is_in_it(binder):
    subprocess.run(["jupyter", "lab", "--version"], env=binder, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="repo2docker is made for Linux")
def test_repo2docker_accepts_the_folder(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # repo2docker imports what its libraries have renamed
        from repo2docker.app import Repo2Docker

    monkeypatch.chdir(ROOT)
    builder = Repo2Docker()
    packs = (pack(builder.base_image) for pack in builder.buildpacks)
    chosen = next(pack for pack in packs if pack.detect())
    assert type(chosen).__name__ == "PythonBuildPack"
    assert chosen.python_version == "3.12"
    chosen.platform = "linux/amd64"
    dockerfile = chosen.render({})
    assert 'install --no-cache-dir -r "binder/requirements.txt"' in dockerfile
    assert "binder/postBuild" in dockerfile
    assert os.access("binder/postBuild", os.X_OK)
