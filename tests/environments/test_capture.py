"""What the running interpreter has, and what becomes of it; local projects with real builds."""

import importlib
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uv

from mlmagic.environments import Environments
from mlmagic.errors import EnvironmentSetupError

from .conftest import make_project

Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that belongs to the running interpreter for the time of a test."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def install(site: Path) -> Install:
    def run(*arguments: str) -> None:
        command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*command, str(site), *arguments], check=True)
        importlib.invalidate_caches()

    return run


def fake_distribution(site: Path, name: str, *, direct_url: object, version: str = "1.0") -> None:
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "top_level.txt").write_text(f"{name}\n")
    (info / "RECORD").write_text("")
    (info / "direct_url.json").write_text(json.dumps(direct_url))
    (site / f"{name}.py").write_text("")
    importlib.invalidate_caches()


def test_imports_become_the_installed_versions(environments: Environments) -> None:
    captured = environments.capture(
        {"yaml", "json", "os.path", "mlmagic", "mlmagic.scoring", "jinja2"}, name="score.py"
    )
    version = importlib.metadata.version
    assert captured.requirements == (f"jinja2=={version('jinja2')}", f"pyyaml=={version('pyyaml')}")
    assert f"markupsafe=={version('markupsafe')}" in captured.constraints
    assert captured.python_version == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_an_import_that_nothing_provides(environments: Environments) -> None:
    with pytest.raises(EnvironmentSetupError, match="The import 'nosuchmodule' comes from no"):
        environments.capture({"nosuchmodule"}, name="x")


def test_a_models_requirements_win(environments: Environments) -> None:
    captured = environments.capture(
        {"yaml"}, requirements=["PyYAML>=5", "six==1.16.0", "jupyter-mlmagic"], name="x"
    )
    assert captured.requirements == ("PyYAML>=5", "six==1.16.0")
    assert not any(line.startswith(("pyyaml", "six")) for line in captured.constraints)


def test_a_bad_requirement(environments: Environments) -> None:
    with pytest.raises(EnvironmentSetupError, match="'six seven' is not understood"):
        environments.capture((), requirements=["six seven"], name="x")


def test_editable_projects_travel_as_wheels(
    environments: Environments,
    install: Install,
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Both names are taken on the index by others; ours must win, also where only another needs it.
    inner = make_project(tmp_path / "inner", "idna", version="3.10")
    outer = make_project(tmp_path / "outer", "mlmagic-test-outer", dependencies=("idna", "six"))
    install("--editable", str(inner), "--editable", str(outer))
    monkeypatch.syspath_prepend(outer / "src")  # what the .pth file does in a real site
    captured = environments.capture({"mlmagic_test_outer"}, name="x")
    assert captured.requirements == ("mlmagic-test-outer==0.1.0",)
    assert "idna==3.10" in captured.constraints
    again = environments.capture({"mlmagic_test_outer"}, name="x")
    assert again == captured, "an unchanged project packs to the same wheel"

    lock = environments.lock(captured)
    assert str(tmp_path) not in lock.text
    assert lock.packages["idna"] == "3.10"
    assert "six" in lock.packages
    python = environments.realise(lock)
    code = "import idna, mlmagic_test_outer as outer; print(idna.NAME, outer.NAME)"
    result = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["idna", "mlmagic-test-outer"]


def test_a_project_that_cannot_be_built_is_refused(
    environments: Environments, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "broken", "mlmagic-test-broken")
    install("--editable", str(project))
    monkeypatch.syspath_prepend(project / "src")
    (project / "pyproject.toml").write_text("[project\n")
    with pytest.raises(
        EnvironmentSetupError, match=r"'mlmagic-test-broken' in '.*' cannot be packed"
    ):
        environments.capture({"mlmagic_test_broken"}, name="x")


def test_a_local_source_that_is_gone_is_refused(environments: Environments, site: Path) -> None:
    fake_distribution(site, "goner", direct_url={"url": "file:///nowhere/goner", "dir_info": {}})
    with pytest.raises(EnvironmentSetupError, match="comes from '/nowhere/goner', which is gone"):
        environments.capture({"goner"}, name="x")


def test_addresses_are_kept(environments: Environments, site: Path) -> None:
    fake_distribution(
        site,
        "fromgit",
        direct_url={
            "url": "https://host.example/fromgit",
            "vcs_info": {"vcs": "git", "commit_id": "ab12", "requested_revision": "main"},
            "subdirectory": "python",
        },
    )
    fake_distribution(
        site,
        "fromurl",
        direct_url={"url": "https://host.example/fromurl-1.0.zip", "archive_info": {}},
    )
    captured = environments.capture({"fromgit", "fromurl"}, name="x")
    assert captured.requirements == (
        "fromgit @ git+https://host.example/fromgit@ab12#subdirectory=python",
        "fromurl @ https://host.example/fromurl-1.0.zip",
    )


def test_conda_packages_are_known_by_their_name(environments: Environments, site: Path) -> None:
    fake_distribution(
        site, "condapack", direct_url={"url": "file:///home/conda/feedstock/work", "dir_info": {}}
    )
    (site / "condapack-1.0.dist-info/INSTALLER").write_text("conda\n")
    (site / "condapack-1.0.dist-info/RECORD").unlink()
    (site / "condapack-1.0.dist-info/top_level.txt").unlink()
    assert environments.capture({"condapack"}, name="x").requirements == ("condapack==1.0",)


def test_local_versions_are_those_of_the_index(environments: Environments, site: Path) -> None:
    fake_distribution(site, "wheelhouse", version="2.3.0+cu121", direct_url=None)
    assert environments.capture({"wheelhouse"}, name="x").requirements == ("wheelhouse==2.3.0",)
