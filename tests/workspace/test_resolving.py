"""What a request comes to, before anything is deployed."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mlmagic.errors import (
    ConfigurationError,
    EnvironmentSetupError,
    ModelNotFoundError,
    UnsafeModelError,
)
from mlmagic.options import build_parser, magic_verb, parse
from mlmagic.workspace.resolving import DeploymentRequest, resolve

ANSWER = """\
def init():
    pass

def run(raw_data):
    return {word!r}
"""


def write(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_commit_is_told_where_git_has_the_sources_as_they_are(workspace):
    def git(*arguments):
        command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.com", *arguments]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        return said.stdout.strip()

    def spec(word="a"):
        write("project/score.py", ANSWER.format(word=word))
        request = DeploymentRequest(
            name="svc", script="project/score.py", source_directory="project"
        )
        return resolve(workspace, request, on_event=print).spec

    assert spec().commit == ""
    git("init", "-q")
    write(".gitignore", "*.log\n")
    write("project/helper.py", "")
    write("project/some.log", "noise")
    git("add", ".gitignore", "project/helper.py")
    git("commit", "-qm", "without the script")
    untracked = spec()
    assert untracked.commit == ""
    git("add", "project/score.py")
    git("commit", "-qm", "with it")
    kept = spec()
    assert kept.commit == git("rev-parse", "HEAD")
    assert kept.digest == untracked.digest  # where sources come from is no reason to deploy
    write("project/helper.py", "# changed")
    assert spec().commit == ""
    git("checkout", "-q", "project/helper.py")
    write("project/__pycache__/helper.cpython-311.pyc", "stays behind")
    assert spec().commit == kept.commit
    write("project/new/other.py", "# git does not have it")
    assert spec().commit == ""
    Path("project/new/other.py").unlink()
    assert spec("b").commit == ""


def test_a_dockerfile_on_the_line_is_deployed_by_its_lines(workspace):
    write("score.py", ANSWER.format(word="a"))
    write("base.Dockerfile", "RUN true\n")

    def config(line):
        options = magic_verb("%deploy").options
        given = parse(build_parser(options, prog="%deploy"), options, line.split())
        name = given.pop("name")
        request = DeploymentRequest(name=name, script="score.py", target="docker", config=given)
        return resolve(workspace, request, on_event=print).spec.config

    assert config("svc --base-dockerfile base.Dockerfile").base_dockerfile == "RUN true\n"
    both = config("svc --base-dockerfile base.Dockerfile --base-image debian:12")
    assert (both.base_image, both.base_dockerfile) == ("debian:12", "RUN true\n")
    with pytest.raises(ConfigurationError, match="no Dockerfile 'gone'"):
        config("svc --base-dockerfile gone")


def test_variables_go_with_the_environment_that_an_update_replaces(workspace):
    write("score.py", ANSWER.format(word="a"))
    for name, variables in (("one", {"A": "1", "B": "1"}), ("two", {"B": "2"})):
        python = {"condaDependencies": {"dependencies": ["pip"]}}
        document = {"name": name, "python": python, "environmentVariables": variables}
        workspace.register_environment_document(document)
        write(f"{name}.json", json.dumps({"entryScript": "score.py", "environment": document}))
    base = workspace.deploy("svc", inference_config="one.json", variables={"C": "3"}).record
    for asked, variables in (
        ({"inference_config": "two.json"}, {"B": "2"}),
        ({"environment": "two"}, {"A": "1", "B": "2", "C": "3"}),
        ({"script": "score.py"}, {"A": "1", "B": "1", "C": "3"}),
    ):
        request = DeploymentRequest(name="svc", **asked)
        assert resolve(workspace, request, base=base).spec.variables == variables, asked


def test_trust_that_was_taken_back_stops_updates_and_rollbacks(workspace):
    write("score.py", ANSWER.format(word="a"))
    Path("bad.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    registered = workspace.register_model("bad.pkl", name="bad", trust=True).id
    start = {"script": "score.py", "environment": "minimal", "wait": False}
    workspace.deploy("svc", models=[registered, "bad.pkl"], **start)
    workspace.update_service("svc", tags={"still": "trusted"}, wait=False)
    workspace.revoke_trust("bad")
    refused = r"'bad:1' holds 'os\.system', and .* took the trust in it back"
    with pytest.raises(UnsafeModelError, match=refused):
        workspace.update_service("svc", tags={"still": "no"}, wait=False)
    workspace.deploy("svc", models=["score.py"], **start)
    with pytest.raises(UnsafeModelError, match=refused):
        workspace.rollback_service("svc")
    with pytest.raises(ModelNotFoundError, match="Register it first: %register ADDRESS"):
        workspace.deploy("svc", models=["https://host/model.onnx"], **start)
    workspace.delete_model("bad")  # not found any more, but known by its bytes
    with pytest.raises(UnsafeModelError, match=refused):
        workspace.rollback_service("svc")


def test_the_image_and_the_notes_of_an_environment_object_go_along(workspace):
    write("score.py", ANSWER.format(word="a"))
    python = {"condaDependencies": {"dependencies": ["pip"]}, "interpreterPath": "/opt/python"}
    document = {"name": "mine", "python": python, "environmentVariables": {"GREETING": "hello"}}
    document["docker"] = {"baseImage": "python:3.11-slim"}
    workspace.register_environment_document(document)
    write("saved/azureml_environment.json", "\ufeff" + json.dumps(document))
    write("train.runconfig", json.dumps({"environment": document}))
    for named, notes in (("mine", 0), ("mine:1", 1), ("saved", 1), ("train.runconfig", 1)):
        told = []
        request = DeploymentRequest(
            name="svc", script="score.py", environment=named, target="docker"
        )
        spec = resolve(workspace, request, on_event=told.append).spec
        assert spec.config.base_image == "python:3.11-slim", named
        assert spec.variables == {"GREETING": "hello"}, named
        assert sum("interpreterPath" in line for line in told) == notes, (named, told)
    told = []
    line = replace(request, config={"base_dockerfile": "FROM python:3.12"})
    config = resolve(workspace, line, on_event=told.append).spec.config
    assert (config.base_image, config.base_dockerfile) == (None, "FROM python:3.12")
    resolve(workspace, replace(request, target="local"), on_event=told.append)
    assert "environment: 'base_image' is not used by target 'local'." in told


def test_an_old_python_in_a_conda_file_that_v1_names_becomes_this_one(workspace):
    write("score.py", ANSWER.format(word="a"))
    write("conda.yml", "name: old\ndependencies:\n- python=3.8\n- pip\n- six=1.16.0\n")
    write("source/conda.yml", "dependencies:\n- python=3.7\n- pip\n")
    keys = {"entryScript": "score.py", "condaFile": "conda.yml"}
    write("source/score.py", ANSWER.format(word="a"))
    # As in v1, its paths begin in the current folder, wherever the file itself lies.
    write("elsewhere/ic.json", json.dumps(keys))
    write("elsewhere/source.json", json.dumps({**keys, "sourceDirectory": "source"}))
    for file, version in (("ic.json", "3.8"), ("source.json", "3.7")):
        told = []
        workspace.deploy(
            "svc", inference_config=f"elsewhere/{file}", plan=True, on_event=told.append
        )
        old = f"'python={version}' is older than services can be"
        assert any(old in line for line in told), told
    assert not any("six" in line for line in told)
    told = []
    workspace.deploy("svc", inference_config="elsewhere/ic.json", plan=True, on_event=told.append)
    assert any(line.endswith("that have nothing for it: six=1.16.0") for line in told), told
    missing = {**keys, "sourceDirectory": "source", "condaFile": "no.yml"}
    with pytest.raises(EnvironmentSetupError, match=r"'no.yml' does not exist. .* from '.*source'"):
        workspace.deploy("svc", inference_config=missing, plan=True)
    with pytest.raises(EnvironmentSetupError, match=r"asks for Python '3\.8'"):  # asked for by hand
        workspace.deploy("svc", script="score.py", environment="conda.yml", plan=True)
