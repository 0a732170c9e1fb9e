"""Every key of v1's environment object: followed, told, or refused."""

from __future__ import annotations

import pytest

from mlmagic.configurations import (
    environment_of_run_configuration,
    read_environment_directory,
    take_apart,
)
from mlmagic.configurations.v1_environment import UNUSED_KEYS, USED_KEYS
from mlmagic.errors import ConfigurationError

CONDA = {"dependencies": ["pip", {"pip": ["packaging"]}]}


def with_key(key: str, value: object) -> dict:
    section, dot, name = key.partition(".")
    document = {"name": "env", "python": {"condaDependencies": CONDA}}
    if not dot:
        return {**document, section: value}
    return {**document, section: {**document.get(section, {}), name: value}}


@pytest.mark.parametrize("key", UNUSED_KEYS)
def test_what_is_not_used_is_told_with_the_reason(key):
    parts = take_apart(with_key(key, {"packages": ["one"]}), where="'env'")
    assert parts.notes == (f"'{key}' is not used: {UNUSED_KEYS[key]}",)


@pytest.mark.parametrize("key", USED_KEYS)
def test_what_is_used_needs_no_word(key):
    value = {"environmentVariables": {"A": "b"}, "python.condaDependencies": CONDA}.get(key)
    assert take_apart(with_key(key, value), where="'env'").notes == ()


def test_an_environment_has_its_own_name_not_that_of_its_packages():
    conda = {"name": "project_environment", **CONDA}  # as v1 wrote them all
    assert take_apart(with_key("python.condaDependencies", conda), where="").definition == {
        "name": "env", **CONDA,
    }  # fmt: skip


def test_what_v1_writes_by_itself_needs_no_word():
    docker = {"enabled": False, "sharedVolumes": True, "shmSize": "2g", "arguments": []}
    docker["platform"] = {"os": "Linux", "architecture": "amd64"}
    docker["baseImageRegistry"] = {"address": None, "username": None, "password": None}
    spark = {"repositories": [], "packages": [], "precachePackages": True}
    document = {**with_key("docker", docker), "spark": spark, "version": "1"}
    assert take_apart(document, where="'env'").notes == ()


def test_a_slip_is_told_with_what_is_near():
    notes = take_apart(with_key("docker.baseImge", "python:3.11"), where="'env'").notes
    assert "Did you mean 'docker.baseImage'?" in notes[0]


def test_a_build_context_is_refused_with_the_way_out():
    with pytest.raises(ConfigurationError, match="build the image yourself"):
        take_apart(with_key("docker.buildContext", {"location": "."}), where="'env'")


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("python", "3.8", "'python' of the environment in 'env' is '3.8', but must be an object"),
        ("docker", ["python:3.11"], "'docker' .* must be an object"),
        ("spark", "local", "'spark' .* must be an object"),
        ("environmentVariables", "x", "'environmentVariables' .* is 'x', but must be an object"),
        ("python.condaDependencies", "conda.yml", "'python.condaDependencies' .* an object"),
        ("python.condaDependencies", {"dependencies": 3}, "'dependencies' .* is '3', .* a list"),
        ("python.condaDependencies", {"dependencies": "numpy"}, "'dependencies' .* a list"),
        ("docker.baseImageRegistry", "mine.io", "'docker.baseImageRegistry' .* an object"),
        ("docker.baseDockerfile", 3, "'docker.baseDockerfile' .* is '3', but must be text"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_the_key(key, value, wanted):
    with pytest.raises(ConfigurationError, match=wanted):
        take_apart(with_key(key, value), where="'env'")


def test_a_section_of_the_wrong_type_in_a_saved_environment_is_told(tmp_path):
    (tmp_path / "azureml_environment.json").write_text('\ufeff{"name": "env", "python": "3.8"}')
    with pytest.raises(ConfigurationError, match=r"'python' .* is '3\.8', but must be an object"):
        read_environment_directory(tmp_path)


def test_a_run_configuration_has_an_environment(tmp_path):
    file = tmp_path / "train.runconfig"
    file.write_text(
        "\ufeffscript: train.py\nenvironment:\n  python:\n"
        "    condaDependenciesFile: .azureml/conda_dependencies.yml\n  environmentVariables:\n"
        "    GREETING: hello\n",
        encoding="utf-8",
    )
    parts = take_apart(environment_of_run_configuration(file), where="'train'")
    assert parts.environment == str(tmp_path / ".azureml" / "conda_dependencies.yml")
    assert parts.variables == {"GREETING": "hello"}
    file = tmp_path / ".azureml" / "train.runconfig"  # as v1 saved it in a project
    file.parent.mkdir()
    section = "python:\n  condaDependenciesFile: .azureml/conda_dependencies.yml\n"
    (tmp_path / "environment.yml").write_text(section)
    file.write_text("environment: environment.yml\n")
    again = take_apart(environment_of_run_configuration(file), where="'train'")
    assert again.environment == parts.environment
    file.write_text("script: train.py\n")
    with pytest.raises(ConfigurationError, match="has no key 'environment'"):
        environment_of_run_configuration(file)
