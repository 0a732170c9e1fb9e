"""Configuration files of Azure ML v1 as a line that says the same."""

from __future__ import annotations

import json
import shlex

import pytest

from mlmagic.configurations import expand, parse
from mlmagic.configurations.converting import convert
from mlmagic.options import build_parser, magic_verb
from mlmagic.options import parse as parse_words
from tests.unit.configurations.test_expanding import V1_AKS

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


def test_an_environment_object_stays_in_its_file() -> None:
    text = {"entryScript": "score.py", "environment": {"name": "e", "python": {}}}
    found = convert([parse("inference", json.dumps(text), name="ic")], service="svc")
    assert found.line == "%deploy svc --script score.py"
    assert found.notes == ("'environment' has no option of %deploy; the file can still be given.",)
