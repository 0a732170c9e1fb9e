"""Scripts as users of Azure ML v1 wrote them, unchanged, on real services."""

from __future__ import annotations

import json

import pytest

from mlmagic import Workspace
from mlmagic.azureml import core
from mlmagic.azureml.exceptions import WorkspaceException


def test_the_seed_sequence_runs_unchanged(unchanged, project):
    lines = unchanged("seed.py").splitlines()
    assert lines[:4] == [
        "SDK version: 1.61.0",
        "myws\trg\tlocal\tsub",
        "Registering model hello",
        "hello\thello:1\t1",
    ]
    said = [line for line in lines if "Transitioning" not in line and "Healthy" not in line]
    running = said[4]
    assert running.startswith("Local webservice is running at http://localhost:")
    assert said[5:] == [
        "state: running",
        "{'text': 'one', 'data': [1, 2], 'greeting': 'hello'}",
        running,
        "edited one",
        "Registering model hello",
        running,
        "edited two",
        "logged: True",
        "['myservice'] ['hello'] ['myservice']",
        "state: deleted",
        "[]",
    ]
    assert Workspace(project).list_services() == []


def test_a_service_in_a_container_keeps_v1s_habits(unchanged):
    out = unchanged("aci.py")
    for line in (
        "aci-env 1",
        "WebserviceNotFound: Webservice with name my-aci-service not found in provided workspace",
        'ACI service creation operation finished, operation "Succeeded"',
        "Healthy ACI {'data': 'mnist'} Predict with two models",
        "['the first', 'the second']",
        "firstkey-firstkey-firstkey",
        "True True",
        "Replacing tag data -> mnist with data -> other",
        "Webservice tag add operation complete.",
        "Tag with key nothing not found.",
        "{'data': 'other'} changed",
        "['AciWebservice']",
        "exists: True",
        "in use: True",
    ):
        assert line in out.splitlines(), f"{line!r} is not in:\n{out}"


@pytest.mark.docker
def test_the_same_script_runs_in_a_container(
    project, unchanged, docker_engine, unique, monkeypatch
):
    monkeypatch.setenv("MLMAGIC_ACI_TARGET", "docker")
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    script = project / "aci.py"
    script.write_text(script.read_text().replace("my-aci-service", f"svc-{unique}"))
    out = unchanged("aci.py")
    for line in (
        'ACI service creation operation finished, operation "Succeeded"',
        "Healthy ACI {'data': 'mnist'} Predict with two models",
        "['the first', 'the second']",
        "firstkey-firstkey-firstkey",
        "True True",
    ):
        assert line in out.splitlines(), f"{line!r} is not in:\n{out}"


@pytest.mark.docker
def test_models_are_packaged(project, unchanged, docker_engine, unique, monkeypatch):
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    script = project / "package.py"
    script.write_text(script.read_text().replace("my-image", f"package-{unique}"))
    lines = unchanged("package.py").splitlines()
    for line in (
        "Package creation Succeeded",
        f"Succeeded package-{unique}:v1",
        "A Dockerfile package cannot be pulled. Use save() instead.",
        "Docker images cannot be saved to a local directory. Use pull() instead.",
        "True True",
    ):
        assert line in lines, lines
    assert docker_engine.client.images.get(f"package-{unique}:v1")
    docker_engine.client.images.remove(f"package-{unique}:v1")


def test_a_service_on_a_cluster_keeps_v1s_habits(unchanged):
    out = unchanged("aks.py")
    for line in (
        "Models: ['hello:1']",
        "CPU requirement: 1, Memory requirement: 1GB, Number of replica: 1",
        'AKS service creation operation finished, operation "Succeeded"',
        "Healthy AKS True 5000",
        "{'text': 'on a cluster', 'data': 1, 'greeting': None}",
        "6000 ['aadAuthEnabled', 'appInsightsEnabled', 'authEnabled', 'autoScaler']",
    ):
        assert line in out.splitlines(), f"{line!r} is not in:\n{out}"


def test_unregistered_models_raw_requests_and_failures(unchanged):
    out = unchanged("unregistered.py").splitlines()
    for line in (
        "not registered []",
        "b'/score?a=1'",
        "201 b'\\x00\\x01'",
        "True True",
        "state: failed",
        "Cannot call run() when service is failed.",
    ):
        assert line in out, f"{line!r} is not in:\n{out}"


def test_runs_log_keep_files_and_register(unchanged):
    out = unchanged("runs.py").splitlines()
    for line in (
        "Completed {'alpha': 0.03, 'mse': [1, 2]} ['outputs/model.txt']",
        "from-run\t1\tTrue\tmyexperiment",
        "training hello",
        "Completed {'rate': 0.5}",
        "trained:1",
        "['myexperiment']",
        "True Failed",
        "OfflineRun",
    ):
        assert line in out, f"{line!r} is not in:\n{out}"


def test_a_workspace_is_written_found_and_listed(project, monkeypatch):
    (project / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(project / "deep" / "er")
    found = core.Workspace.from_config()
    assert (found.name, found.subscription_id) == ("myws", "sub")
    found.write_config(path=str(project / "other"))
    assert json.loads((project / "other/.azureml/config.json").read_text()) == {
        "subscription_id": "sub",
        "resource_group": "rg",
        "workspace_name": "myws",
    }
    assert core.Workspace("sub", "rg", "myws").get_details()["name"] == "myws"
    found.local.ensure()
    with pytest.raises(WorkspaceException, match=r"'another' here; the one in .* is 'myws'"):
        core.Workspace("sub", "rg", "another")
