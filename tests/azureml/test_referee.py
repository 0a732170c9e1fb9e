"""Ours beside the real azureml-core: members, parameters, defaults, messages, files."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlmagic.azureml.coverage import COVERED, Refused, rows
from mlmagic.entities import Environment
from mlmagic.environments.documents import python_section
from tests.azureml.payloads import SERIALIZED, UPDATES

REFEREE = Path(__file__).with_name("referee.py")
# The others are of packages beside azureml-core.
OF_CORE = {
    module: owners
    for module, owners in COVERED.items()
    if not module.startswith(("train.", "widgets"))
}


def names() -> list[str]:
    return [
        f"azureml.{module}:{owner}"
        for module, owners in OF_CORE.items()
        for owner in owners
        if isinstance(owner_of(module, owner), type)
        and type(owner_of(module, owner)).__name__ == "type"
    ]


def owner_of(module: str, owner: str) -> object:
    return getattr(importlib.import_module(f"mlmagic.azureml.{module}"), owner)


@pytest.fixture(scope="module")
def answers(real_sdk, tmp_path_factory):
    """What the real SDK says, and what ours says, to the same questions."""
    folder = tmp_path_factory.mktemp("referee")
    (folder / "folder").mkdir()
    (folder / "score.py").write_text("def init(): pass")
    (folder / "broken.py").write_text("def x(:")
    for name in ("class.py", "conda.yml", "source/score.py", "source/inner.yml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")

    modules = ",".join(f"azureml.{module}" for module in OF_CORE)

    def ask(python: Path | str, prefix: str) -> dict:
        answer = subprocess.run(
            [python, REFEREE, prefix, modules, *names()],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr[-3000:]
        return json.loads(answer.stdout.splitlines()[-1])

    return ask(real_sdk, ""), ask(sys.executable, "mlmagic.")


def test_every_public_name_of_v1s_modules_has_a_row(answers):
    real, _ = answers
    told = {row.owner for row in rows()}
    missing = {module: sorted(set(public) - told) for module, public in real["names"].items()}
    assert {module: public for module, public in missing.items() if public} == {}


def test_every_public_member_of_v1_is_here(answers):
    real, ours = answers
    told = {(row.module, row.owner, row.member) for row in rows()}
    for name, members in real["classes"].items():
        module, _, owner = name.partition(":")
        missing = [member for member in members if (module, owner, member) not in told]
        assert missing == [], name
        assert ours["classes"][name]


def test_everything_that_v1s_objects_keep_has_a_row(answers):
    real, _ = answers
    told = {(row.module, row.owner, row.member) for row in rows()}
    missing = {
        name: [each for each in kept if (*name.split(":"), each) not in told]
        for name, kept in real["kept"].items()
    }
    assert {name: kept for name, kept in missing.items() if kept} == {}


def test_what_works_has_v1s_parameters_and_defaults(answers):
    real, ours = answers
    noted = {(row.owner, row.member) for row in rows() if row.status == "differs"}
    different = {}
    for name, members in real["classes"].items():
        module, _, owner = name.partition(":")
        kind = owner_of(module.removeprefix("azureml."), owner)
        for member, told in members.items():
            mine = ours["classes"][name].get(member)
            refused = isinstance(getattr(kind, "__dict__", {}).get(member), Refused) or any(
                isinstance(vars(base).get(member), Refused) for base in kind.__mro__
            )
            refused = refused or (told[0] == "value" and (owner, member) in noted)
            if mine is not None and mine != told and not refused:
                different[f"{name}.{member}"] = (told, mine)
    assert different == {}


@pytest.mark.parametrize("service", ["AksWebservice", "AciWebservice", "LocalWebservice"])
def test_deployment_configurations_are_checked_in_v1s_words(answers, service):
    real, ours = answers
    assert ours["answers"][service] == real["answers"][service]
    assert ours["fields"][service] == real["fields"][service]


def test_inference_configurations_are_checked_in_v1s_words(answers):
    real, ours = answers
    assert ours["inference"] == real["inference"]


def test_the_names_of_azureml_core_and_the_exceptions_are_all_here(answers):
    real, ours = answers
    assert set(real["core"]) <= set(ours["core"])
    assert ours["exceptions"] == real["exceptions"]
    assert ours["text"] == real["text"]


def test_environments_are_written_and_read_in_v1s_layout(answers):
    real, ours = answers
    image = real["document"]["docker"].pop("baseImage")
    assert image.startswith(ours["document"]["docker"].pop("baseImage"))
    assert ours["document"] == real["document"]
    assert (ours["default"], ours["loaded"]) == (real["default"], real["loaded"])
    for asked in (real["conda"], ours["conda"]):  # v1 looks for its own packages apart
        asked["options"] = [line for line in asked["options"] if "--find-links" not in line]
        asked.pop("dict")
    assert ours["conda"] == real["conda"]
    assert ours["edited"] == real["edited"]
    shown = python_section(Environment(name="shown")).keys()
    assert {*real["document"]["python"], "condaDependencies"} == {*shown}


# Where a file says it under another key than what v1 sent; and what only one of them says.
_KEYS = {
    "containerResourceRequirements.gpu": "gpuCores",
    "aadAuthEnabled": "tokenAuthEnabled",
    "storageInitEnabled": "blobfuseEnabled",
}
_OF_V1_ALONE = ("dataCollection.eventHubEnabled",)
# v1's server filled these in where nothing was sent.
_FILLED_IN = {"authEnabled": False, "maxConcurrentRequestsPerContainer": 1}


def as_in_a_file(sent: dict) -> dict:
    content = {_KEYS.get(key, key): value for key, value in sent.items() if key not in _OF_V1_ALONE}
    content["computeType"] = content["computeType"].lower()
    if "blobfuseEnabled" in content:
        content["blobfuseEnabled"] = not content["blobfuseEnabled"]
    return content


def test_services_and_models_are_sent_as_v1_sent_them(real_sdk, tmp_path):
    def ask(python: Path | str, prefix: str) -> dict:
        answer = subprocess.run(
            [python, REFEREE.with_name("payloads.py"), prefix],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr[-3000:]
        return json.loads(answer.stdout.splitlines()[-1])

    real, ours = ask(real_sdk, ""), ask(sys.executable, "mlmagic.")
    for sent, told in zip(real["services"], ours["services"], strict=True):
        expected = as_in_a_file(sent)
        added = {key: value for key, value in told.items() if key not in expected}
        assert told == {**expected, **added}
        assert added.items() <= _FILLED_IN.items()
    for given, sent, told in zip(UPDATES, real["updates"], ours["updates"], strict=True):
        assert told == {_KEYS.get(key, key): value for key, value in sent.items()}, given
    for part in ("registered", "changed", "model"):
        assert ours[part] == real[part]
    assert real["serialized"] == SERIALIZED
