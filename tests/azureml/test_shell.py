"""Lines of ``az ml`` with the command's name replaced, in a real shell."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from mlmagic.azureml import core
from mlmagic.cli import main


@pytest.mark.docker
def test_the_seed_sequence_runs_by_the_shell_in_containers(
    az, project, docker_engine, unique, monkeypatch
):
    monkeypatch.setenv("MLMAGIC_ACI_TARGET", "docker")
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    folder, name = project / "cli", f"svc-{unique}"
    line = "cd cli && az ml model"
    az("cd cli && az ml folder attach -w myws -g rg")
    assert az(f"{line} register -n hello -p model.txt -o tsv --query model.id").strip() == "hello:1"
    (folder / "model.txt").write_text("updated")
    az(f"{line} register -n hello -p model.txt")
    files = "--ic inferenceconfig.json --dc aciconfig.yml"
    az(f"{line} deploy -n {name} -m hello:1 {files}")
    try:
        line = "cd cli && az ml service"
        shown = json.loads(az(f"{line} show -n {name} -o json"))
        assert (shown["state"], shown["computeType"], shown["target"]) == (
            "Healthy", "ACI", "docker",
        )  # fmt: skip
        answer = json.loads(az(f"""{line} run -n {name} -d '{{"data": [1]}}' -o json"""))
        assert answer == {"text": "by the imported project", "data": [1], "greeting": "hello"}
        az(f"{line} update -n {name} -m hello:2")
        answer = json.loads(az(f"""{line} run -n {name} -d '{{"data": [2]}}' -o json"""))
        assert answer["text"] == "updated"
        assert "POST /score 200" in az(f"{line} get-logs -n {name}")
    finally:
        az(f"{line} delete -n {name} -y")
    assert az(f"{line} list --query '[].name' -o tsv").strip() == ""


def test_the_seed_sequence_runs_by_the_shell_alone(az, project):
    (project / "model.txt").write_text("by the shell")
    definition = {"name": "shell-env", "python": {"condaDependencies": {"dependencies": ["pip"]}}}
    definition["environmentVariables"] = {"GREETING": "hello"}
    inference = {"entryScript": "score.py", "sourceDirectory": "./source_dir"}
    inference["environment"] = definition
    (project / "inferenceconfig.json").write_text(json.dumps(inference))
    deployment = "computeType: aci\ncontainerResourceRequirements:\n  cpu: 1\n  memoryInGB: 1.0\n"
    (project / "deploymentconfig.yml").write_text(deployment)

    az("az ml folder attach -w myws -g rg")
    first = az("az ml model register -n hello -p model.txt --tag area=demo -w myws -g rg -o json")
    assert json.loads(first)["model"]["id"] == "hello:1"
    again = az("az ml model register -n hello -p model.txt -o tsv --query model.id")
    assert again.strip() == "hello:2"
    same = az("az ml model register -n hello -p model.txt --if-changed -o yamlc --query model.id")
    assert same.strip().startswith("hello:2")
    az("az ml model deploy -m hello:1 --ic inferenceconfig.json --dc deploymentconfig.yml")
    assert az("az ml service list --query '[].name' -o tsv").strip() == "hello-svc"
    again = "az ml model deploy -m hello:2 --ic inferenceconfig.json --dc deploymentconfig.yml"
    refused = az(again, code=1)
    assert "There is a service 'hello-svc' already, on target 'local'." in refused
    assert "with --overwrite" in refused
    assert "'mlmagic service update hello-svc'" in refused
    planned = az(f"{again} --plan -o table")
    assert "will be updated in place" in planned
    assert "but: There is a service 'hello-svc' already" in planned
    assert json.loads(az(f"{again} --overwrite"))["name"] == "hello-svc"
    az("az ml model deploy -n local-svc --es source_dir/score.py -m hello:1 -e minimal --ct local")
    az("az ml model deploy -n local-svc --es source_dir/score.py -m hello:2 -e minimal --ct local")
    az("az ml service delete -n local-svc")
    az("az ml service update -n hello-svc -m hello:1")
    az("az ml service update -n hello-svc --tag stage=test --add-property team=ml")
    az("az ml service update -n hello-svc --add-tag stage=live --description said")
    shown = json.loads(az("az ml service show -n hello-svc -o json"))
    assert (shown["state"], shown["computeType"], shown["description"]) == (
        "Healthy", "ACI", "said",
    )  # fmt: skip
    assert (shown["tags"], shown["properties"]) == ({"stage": "live"}, {"team": "ml"})
    assert shown["createdTime"] <= shown["updatedTime"]
    assert (shown["authEnabled"], shown["numReplicas"], shown["error"]) == (True, 1, None)
    answer = az("""az ml service run -n hello-svc -d '{"data": [1]}' -o json""")
    assert json.loads(answer) == {"text": "by the shell", "data": [1], "greeting": "hello"}
    az("az ml service update -n hello-svc -m hello:2 --only-show-errors")
    assert "POST /score 200" in az("az ml service get-logs -n hello-svc -l 50")
    narrow = "az ml service list -c aci --model-name hello --tag stage=live --property team"
    assert az(f"{narrow} --query '[].name' -o tsv").strip() == "hello-svc"
    assert az(f"{narrow} --model-id hello:1 --query '[].name' -o tsv").strip() == ""
    az("az ml service delete -n hello-svc -y")
    az("az ml model delete -i hello:1")
    assert az("az ml model list --query '[].id' -o tsv").strip() == "hello:2"


def test_environments_go_through_folders(az, project):
    az("az ml environment scaffold -n mine -d mine-env")
    text = (project / "mine-env" / "conda_dependencies.yml").read_text()
    (project / "mine-env" / "conda_dependencies.yml").write_text(
        text.replace("pip: []", "pip:\n    - packaging")
    )
    for _ in range(2):
        kept = json.loads(az("az ml environment register -d mine-env"))
        assert (kept["name"], kept["version"]) == ("mine", "1")
        assert "packaging" in kept["python"]["condaDependencies"]["dependencies"][-1]["pip"]
    assert az("mlmagic environment register -d mine-env").strip() == "mine:1"
    az("az ml environment download -n mine -d copy --version 1")
    copied = (project / "copy" / "conda_dependencies.yml").read_text()
    assert "packaging" in copied
    assert "already" in az("az ml environment download -n mine -d copy", code=1)
    assert "mine" in az("az ml environment list")


def test_results_are_json_where_az_wrote_it(az, project):
    (project / "model.txt").write_text("v1")
    az("az ml model register -n hello -p model.txt")
    assert [each["id"] for each in json.loads(az("az ml model list"))] == ["hello:1"]
    assert az("MLMAGIC_OUTPUT=tsv az ml model list").startswith("hello")
    assert az("az ml model list -o table").startswith("name ")
    assert not az("mlmagic model list").startswith("[")
    (project / "mlmagic.toml").write_text('output = "tsv"\n')
    assert az("az ml model list").startswith("hello")
    (project / "mlmagic.toml").write_text('output = "json"\n')
    assert json.loads(az("cd source_dir && mlmagic model list"))[0]["name"] == "hello"
    wrong = az("MLMAGIC_OUTPUT=xml az ml model list", code=1)
    assert "'output' is 'xml' (MLMAGIC_OUTPUT), but must be one of json," in wrong


def test_lists_and_shows_have_v1s_keys(project, capsys):
    def told(line: str) -> Any:
        assert main([*line.split(), "-o", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    run = core.Experiment(core.Workspace.from_config(), "myexperiment").start_logging()
    run.upload_file("outputs/model.txt", "source_dir/score.py")
    line = f"--run-id {run.id} --asset-path outputs/model.txt --tag a=b --cc 0.5 --gb 1 --gc 1"
    registered = told(f"model register -n hello {line}")
    assert (registered["id"], registered["name"], registered["version"]) == ("hello:1", "hello", 1)
    (model,) = told("model list")
    v1 = core.Model(core.Workspace.from_config(), "hello").serialize()
    of_the_cloud = {"mimeType", "unpack", "url"}
    always_empty = {"runDetails", "datasets", "sampleInputDatasetId", "sampleOutputDatasetId"}
    assert v1.keys() - model.keys() == of_the_cloud | always_empty
    same = {key: (v1[key], model[key]) for key in v1.keys() & model.keys() if key != "framework"}
    assert [key for key, (theirs, ours) in same.items() if (theirs or None) != (ours or None)] == []
    assert model == told("model show -i hello:1")
    place = {key: told("workspace show")[key] for key in ("name", "resourceGroup", "location")}
    assert place == {"name": "myws", "resourceGroup": "rg", "location": "local"}
    assert told("workspace show")["id"] == core.Workspace.from_config().get_details()["id"]
    (listed,) = told("workspace list")
    names = ("workspaceName", "resourceGroup", "subscriptionId")
    assert [listed[key] for key in names] == ["myws", "rg", "sub"]
    targets = {each["name"]: each for each in told("computetarget list")}
    assert targets["kubernetes"]["properties"]["computeType"] == "AKS"
    assert targets["docker"]["properties"]["provisioningState"] == "Succeeded"
    target = core.ComputeTarget(core.Workspace.from_config(), "docker").serialize()
    assert target.items() <= told("computetarget show docker").items()
    told("environment scaffold -n mine -d mine-env")
    document = json.loads((project / "mine-env" / "azureml_environment.json").read_text())
    document |= {"environmentVariables": {"A": "b"}, "docker": {"baseImage": "debian:12"}}
    (project / "mine-env" / "azureml_environment.json").write_text(json.dumps(document))
    told("environment register -d mine-env")
    shown = told("environment show mine")
    assert (shown["version"], shown["docker"]) == ("1", {"baseImage": "debian:12"})
    assert shown["python"]["condaDependencies"]["dependencies"] == [{"pip": []}]
    assert shown in told("environment list")


def test_a_model_is_registered_from_a_run_of_the_workspace(project, capsys):
    run = core.Experiment(core.Workspace.from_config(), "myexperiment").start_logging()
    (project / "model.txt").write_text("trained")
    run.upload_file("outputs/model.txt", "model.txt")
    line = f"model register -n trained --run-id {run.id} --experiment-name myexperiment"
    assert main([*line.split(), "--asset-path", "outputs/model.txt"]) == 0
    model = core.Model(run.experiment.workspace, "trained")
    assert (project / model.download("got")).read_text() == "trained"
    assert main(["model", "list", "--run-id", run.id, "-o", "tsv", "--query", "[].id"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "trained:1"
    assert main([*line.split(), "--asset-path", "outputs/other.txt"]) == 1
    said = capsys.readouterr().err
    assert "has no file 'outputs/other.txt'. It has outputs/model.txt." in said
    line = line.replace("name myexperiment", "name another")
    assert main([*line.split(), "--asset-path", "outputs/model.txt"]) == 2
    assert "belongs to the experiment 'myexperiment', not to 'another'" in capsys.readouterr().err
    assert not (project / "mlflow.db").exists()  # MLflow was not asked


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("az ml model deploy -n svc --se true", "TLS is not built in"),
        ("az ml model deploy -n svc --vnet-name v", "Only the cloud has it"),
        ("az ml service get-access-token -n svc", "'service get-keys' shows the keys"),
        ("az ml endpoint realtime list", "Deploy the versions as services of their own"),
        ("az ml model profile -n p", "Measure the deployed service"),
        ("az ml model list -w", "-w needs a value"),
    ],
)
def test_what_is_not_built_is_refused_by_name(az, line, told):
    assert told in az(line, code=2)


def test_other_groups_pass_through(az, project):
    (project / "bin").mkdir()
    (project / "bin" / "az").write_text("#!/bin/sh\necho the other az: $*\n")
    (project / "bin" / "az").chmod(0o755)
    out = az('PATH="$PWD/bin:$PATH"; az account set -s SUB')
    assert out.strip() == "the other az: account set -s SUB"


def test_an_attached_folder_keeps_its_group_and_subscription(az, project):
    shutil.rmtree(project / ".azureml")
    az("az ml folder attach -w myws -g mygroup --subscription-id mine -e myexperiment")
    query = "az ml workspace show -o tsv --query '[name,resourceGroup,subscriptionId]'"
    assert az(query).split() == ["myws", "mygroup", "mine"]
    here = core.Workspace.from_config()
    assert (here.resource_group, here.subscription_id) == ("mygroup", "mine")
    az("az ml folder attach -g another")
    assert az(query).split() == ["myws", "another", "mine"]


def test_a_workspace_of_another_name_is_said(az, project):
    shutil.rmtree(project / ".azureml")
    assert az("az ml workspace show -w nosuch -o tsv --query name 2>&1").startswith(
        "there is no workspace 'nosuch' here"
    )
