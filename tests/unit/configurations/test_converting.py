"""Configuration files of Azure ML v1 as a line that says the same."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.configurations import expand, parse
from mlmagic.configurations.converting import Conversion, convert
from mlmagic.environments.conda import parse_conda
from mlmagic.options import build_parser, magic_verb
from mlmagic.options import parse as parse_words
from mlmagic.presentation import present
from mlmagic.settings import Settings
from tests.unit.configurations.test_expanding import V1_AKS

if TYPE_CHECKING:
    from pathlib import Path

ACI = """
{"computeType": "ACI", "containerResourceRequirements": {"cpu": 1, "memoryInGB": 1.5},
 "authEnabled": false, "sslEnabled": false, "dnsNameLabel": "diabetes", "location": "westeurope",
 "variables": {"GREETING": "hello, you", "EMPTY": ""}}
"""
LOCAL = '{"computeType": "local", "port": 32267}'


def read_back(line: str) -> dict[str, object]:
    """Parse a line as the magic does."""
    magic, *words = shlex.split(line)
    assert magic == "%deploy"
    options = magic_verb(magic).options
    return parse_words(build_parser(options, prog=magic), options, words)


@pytest.mark.parametrize("text", [V1_AKS, ACI, LOCAL])
def test_the_line_says_what_the_file_says(text: str) -> None:
    read = parse("deployment", text, name="dc")
    values = read_back(convert([read], service="svc").line)
    assert values.pop("name") == "svc"
    assert values.pop("target") == read.compute_type
    given = {**read.given}
    assert given.pop("target") == read.compute_type
    assert expand(values, "kubernetes") == expand(given, "kubernetes")


@pytest.mark.parametrize("text", [V1_AKS, ACI, LOCAL])
def test_the_settings_say_it_for_every_service(text: str, tmp_path: Path) -> None:
    environment = {"name": "my-env", "docker": {"baseImage": 'registry.example.com/"base":1'}}
    inference = {"entryScript": "score.py", "environment": environment}
    deployment = parse("deployment", text, name="dc")
    read = [parse("inference", json.dumps(inference), name="ic"), deployment]
    found = convert(read, service="svc")
    (tmp_path / "mlmagic.toml").write_text(found.settings, "utf-8")
    settings = Settings(tmp_path)
    settings.check()
    assert settings.default_target == deployment.compute_type
    assert settings.base_image == 'registry.example.com/"base":1'
    assert settings.target is None
    assert f"\n{found.settings.splitlines()[0]}\n" in present(found).text
    assert (
        convert([parse("inference", '{"entryScript": "s.py"}', name="ic")], service="svc").settings
        == ""
    )


def test_an_inference_configuration_and_what_its_line_leaves_out() -> None:
    text = {"entryScript": "a score.py", "runtime": "python", "condaFile": "env.yml"}
    inference = parse("inference", json.dumps(text), name="ic")
    keys = '{"keys": {"primaryKey": "very-secret-key-1", "secondaryKey": "very-secret-key-2"}}'
    deployment = parse("deployment", keys, name="dc")
    found = convert([inference, deployment], service="svc")
    assert found.line == "%deploy svc --script 'a score.py' --environment env.yml"
    assert any("'runtime'" in note for note in found.notes)
    assert any("'primary_key' is not shown" in note for note in found.notes)
    assert "very-secret" not in str(found)


def test_a_path_with_a_space_is_one_word_of_the_line() -> None:
    text = {"entryScript": "score.py", "condaFile": "my env.yml"}
    found = convert([parse("inference", json.dumps(text), name="ic")], service="svc")
    assert read_back(found.line)["environment"] == "my env.yml"


def converted(environment: dict[str, Any]) -> Conversion:
    text = json.dumps({"entryScript": "score.py", "environment": environment})
    return convert([parse("inference", text, name="ic")], service="svc")


def test_an_environment_object_is_a_cell_and_options() -> None:
    conda = {"channels": ["conda-forge"], "dependencies": ["python=3.6.2", {"pip": ["pandas<3"]}]}
    found = converted(
        {
            "name": "my-env",
            "environmentVariables": {"GREETING": "hello, you"},
            "python": {"condaDependencies": conda},
            "docker": {"baseImage": "registry.example.com/base:1", "shmSize": "8g"},
        }
    )
    values = read_back(found.line)
    assert values["environment"] == "my-env"
    assert values["variables"] == {"GREETING": "hello, you"}
    assert values["base_image"] == "registry.example.com/base:1"
    first, _, content = found.cell.partition("\n")
    assert first == "%%environment my-env"
    read = parse_conda(content, source="the cell")
    assert (read.name, read.pip, read.python_version) == ("my-env", ["pandas<3"], None)
    assert any("'docker.shmSize' is not used" in note for note in found.notes)
    assert any("'python=3.6.2' is older" in note for note in found.notes)
    assert found.cell in present(found).text
    assert found.line in present(found).text.splitlines()


def test_an_environment_object_without_a_name_gets_the_one_it_is_kept_under() -> None:
    found = converted({"python": {"condaDependencies": {"dependencies": ["pip"]}}})
    assert read_back(found.line)["environment"] == "svc-env"
    assert found.cell.startswith("%%environment svc-env\n")


def test_an_environment_object_may_only_name_one_or_bring_an_image() -> None:
    found = converted({"name": "AzureML-Minimal", "python": {}})
    assert found.line == "%deploy svc --script score.py --environment AzureML-Minimal"
    assert found.cell == ""
    own = {"userManagedDependencies": True}
    found = converted({"python": own, "docker": {"baseDockerfile": "FROM base\nRUN true\n"}})
    assert (found.line, found.cell) == ("%deploy svc --script score.py", "")
    assert any("'baseDockerfile' has no option of %deploy" in note for note in found.notes)
    assert any("'userManagedDependencies' is true" in note for note in found.notes)
