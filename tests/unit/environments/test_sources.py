from pathlib import Path

import pytest

from mlmagic.environments import Environments
from mlmagic.environments.python_version import short_version
from mlmagic.errors import EnvironmentNotFoundError, EnvironmentSetupError


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    return Environments(tmp_path / ".mlmagic/environments", tmp_path / "cache", tmp_path)


def test_defined_environments_are_kept(environments: Environments, tmp_path: Path) -> None:
    made = environments.define("lines", "six\nidna<4\n", base=tmp_path)
    assert made.requirements == ("six", "idna<4")
    assert environments.get("lines") == made
    conda = environments.define(
        "conda", "name: other\ndependencies: [python=3.12, six]\n", base=tmp_path
    )
    assert (conda.name, conda.python_version) == ("conda", "3.12")
    assert "conda" in environments.names()


def test_a_bad_definition_keeps_the_old_one(environments: Environments, tmp_path: Path) -> None:
    made = environments.define("mine", "six", base=tmp_path)
    with pytest.raises(EnvironmentSetupError):
        environments.define("mine", "six seven", base=tmp_path)
    assert environments.get("mine") == made


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "AzureML-mine", "microsoft-x", ".a", "a" * 256]
)
def test_names_are_checked(environments: Environments, tmp_path: Path, name: str) -> None:
    with pytest.raises(EnvironmentSetupError, match="is not allowed"):
        environments.define(name, "six", base=tmp_path)


def test_curated_sets_are_cloned_not_changed(environments: Environments, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentSetupError, match="curated and cannot be changed"):
        environments.define("scikit-learn", "six", base=tmp_path)
    clone = environments.clone("scikit-learn", "mine", add=["six", "numpy<3"])
    assert {"six", "numpy<3", "scikit-learn"} <= set(clone.requirements)
    assert "numpy" not in clone.requirements
    assert environments.get("mine") == clone
    with pytest.raises(EnvironmentSetupError, match="'mine' already"):
        environments.clone("minimal", "mine")


def test_unknown_names_get_the_nearest(environments: Environments) -> None:
    with pytest.raises(EnvironmentNotFoundError, match="Did you mean 'minimal'"):
        environments.get("minimul")


def test_a_source_directory_says_what_it_needs(environments: Environments, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    assert environments.find(source) is None
    (source / "pyproject.toml").write_text("[tool.ruff]\n")
    assert environments.find(source) is None
    (source / "pyproject.toml").write_text("[project]\nname = 'x'\ndependencies = ['six']\n")
    found = environments.find(source)
    assert found is not None
    assert found.requirements == ("six",)
    (source / "conda.yml").write_text("dependencies: [idna]\n")
    found = environments.find(source)
    assert found is not None
    assert found.requirements == ("idna",)
    (source / "requirements.txt").write_text("packaging\n")
    found = environments.find(source)
    assert found is not None
    assert (found.name, found.requirements) == ("src", ("packaging",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project", "is not TOML"),
        ("[tool.x]\n", r"no table \[project\]"),
        ("[project]\nname='x'\ndynamic=['dependencies']\n", "are dynamic"),
        ("[project]\nname='x'\nrequires-python='<3.9'\n", "asks for Python '<3.9'"),
        ("[project]\nname='x'\nrequires-python='three'\n", "not understood: 'three'"),
    ],
)
def test_bad_projects(environments: Environments, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(EnvironmentSetupError, match=message):
        environments.read(path)


@pytest.mark.parametrize("version", ["3.12", "3.12.1", "3.12.*"])
def test_python_versions(version: str) -> None:
    assert short_version(version) == "3.12"


@pytest.mark.parametrize(("version", "message"), [("3.8", "need 3.11 or later"), ("x", "'x'")])
def test_bad_python_versions(version: str, message: str) -> None:
    with pytest.raises(EnvironmentSetupError, match=message):
        short_version(version)
