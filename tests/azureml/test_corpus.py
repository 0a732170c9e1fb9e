"""Scripts as users of Azure ML v1 wrote them, unchanged, on real services."""

from __future__ import annotations

import json
import sys

import pytest

from mlmagic import Workspace
from mlmagic.azureml import core
from mlmagic.azureml.core import compute, webservice
from mlmagic.azureml.core.conda_dependencies import CondaDependencies
from mlmagic.azureml.exceptions import (
    UserErrorException,
    WebserviceException,
    WorkspaceException,
)
from tests.azureml.conftest import done
from tests.azureml.said import ON_EVERY_TARGET, check


def test_the_seed_sequence_runs_unchanged(unchanged, project):
    lines = unchanged("seed.py")
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


@pytest.mark.parametrize("line", ON_EVERY_TARGET)
def test_a_service_keeps_v1s_habits(line, unchanged):
    check(line, unchanged(line))


@pytest.mark.docker
@pytest.mark.usefixtures("in_containers")
@pytest.mark.parametrize("line", ON_EVERY_TARGET)
def test_a_service_keeps_v1s_habits_in_a_container(line, unchanged):
    check(line, unchanged(line))


@pytest.mark.docker
def test_models_are_packaged(project, unchanged, docker_engine, unique, monkeypatch):
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", docker_engine.base)
    script = project / "package.py"
    script.write_text(script.read_text().replace("my-image", f"package-{unique}"))
    lines = unchanged("package.py")
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


def test_unregistered_models_raw_requests_and_failures(unchanged):
    out = unchanged("unregistered.py")
    for line in (
        "not registered []",
        "b'/score?a=1'",
        "201 b'\\x00\\x01'",
        "True True",
        "state: failed True",
        "Cannot call run() when service is failed.",
    ):
        assert line in out, f"{line!r} is not in:\n{out}"


def test_handles_have_v1s_members_and_words(unchanged):
    lines = unchanged("handles.py")
    running = lines[1]
    assert running.startswith("Local webservice is running at http://localhost:")
    assert [line for line in lines[1:] if not line.endswith('"Succeeded"')] == [
        running,
        "200 from here",
        running,
        "AciWebservice {'text': 'a model', 'data': 2, 'greeting': 'from here'} ['hello:1']",
        "local 127.0.0.1 127.0.0.1 None False",
        "cloud-service-env {'GREETING': 'from here'} True",
        "AciWebservice",
        "['cloud-service'] []",
        "Webservice tag add operation complete.",
        "Webservice tag remove operation complete.",
        "{'a': 'y'}",
        (
            "{'cpu': 0.5, 'cpuLimit': None, 'memoryInGB': 1.0, 'memoryInGBLimit': None, "
            "'gpu': None} None None"
        ),
        "True 10",
        "Webservice property add operation complete.",
        "Replacing tag p -> 1 with p -> 2",
        "Webservice property add operation complete.",
        "Error: Error, cpu_cores must be greater than zero.",
        "Error: No parameters provided to update.",
        (
            'Error: Invalid compute type "nosuch". Valid options are '
            '"ACI,AKSENDPOINT,AKS,IOT,MIR,LOCAL"'
        ),
        "Error: WebserviceNotFound: No local service with name aks-service",
        "unknown",
        "Deleting {'a': 'y'} AciWebservice( True",
        "Deleting {} AksWebservice( True",
        ("WebserviceNotFound: Webservice with name cloud-service not found in provided workspace"),
    ]


def test_models_are_listed_changed_and_downloaded(unchanged):
    lines = unchanged("models.py")
    assert [line for line in lines if "Registering" not in line and "operation" not in line] == [
        "myws",
        "mnist\tmnist:1\t1",
        "Custom 1.3 1",
        "2 mnist:1 mnist:1",
        "1",
        "['mnist:1']",
        "['mnist:1']",
        "['mnist:2', 'part:1'] ['mnist', 'part']",
        "['myws'] myws",
        "Replacing tag type -> cnn with type -> rnn",
        "Tag with key nothing not found.",
        "{'area': 'digits', 'type': 'rnn', 's': '1'} 3.0",
        "mnist:1 3 {}",
        "Error, properties are immutable, the following keys cannot be added/modified: team",
        "{'only': 'this'} {'origin': 'zoo', 'team': 'ml'} changed",
        "mnist:1 ['createdBy', 'createdTime', 'datasets']",
        "got/mnist ['data', 'weights.txt']",
        "File already exists",
        "got/mnist",
        "azureml-models/mnist/1/labels.txt",
        "WebserviceException: Error, one of id or name must be provided",
        "WebserviceException: ModelNotFound: Model with name no not found in provided workspace",
        (
            "WebserviceException: ModelNotFound: Model with name mnist, version 9 not found in "
            "provided workspace"
        ),
        (
            "WebserviceException: ModelNotFound: Model with id mnist:latest not found in provided "
            "workspace"
        ),
        'WebserviceException: Error, provided model path "nosuch',
        "WebserviceException: Error, provided model name is invalid",
        "WebserviceException: Model framework version cannot be provided without a valid framework",
        "WebserviceException: Tags must be a dict",
        "UserErrorException: Expected page_count value is between 20 and 255",
        "WebserviceException: Error, provided service name is invalid",
        (
            "WebserviceException: Error, an InferenceConfig is needed: a model without an entry "
            "script cannot be deployed here yet"
        ),
        "UserErrorException: The workspace configuration 'nosuch' does not exist",
        "True shell True",
        "['by-sdk:1', 'by-shell:1']",
        "{}",
    ]


def test_runs_log_keep_files_and_register(unchanged):
    out = unchanged("runs.py")
    for line in (
        "Completed {'alpha': 0.03, 'mse': [1, 2]} ['outputs/model.txt']",
        "from-run\t1\tTrue\tmyexperiment",
        "training hello",
        "Completed {'rate': 0.5}",
        "trained:1",
        "['myexperiment']",
        "True Failed",
        "OfflineRun",
        "night {'area': 'x'} True",
        "late:1",
        "[{'fold': 1}] True",
        "{'r': '1'} True",
        "UserErrorException run.log does not support list type. Use run.log_list instead",
        (
            "TypeError names and paths must be lists of equal lengths. Names was of length 2 and "
            "paths of length 1."
        ),
        "[] []",
        "Attempted to log table metric t:",
        "True False",
    ):
        assert line in out, f"{line!r} is not in:\n{out}"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('core.Model(ws, "nobody")', "ModelNotFound: Model with name nobody not found"),
        ('core.Webservice(ws, "nobody")', "WebserviceNotFound: Webservice with name nobody"),
        ('core.ComputeTarget(ws, "nobody")', "Known: 'local', 'docker'"),
        ('core.Environment.get(ws, "nobody")', "There is no environment 'nobody'"),
        ('core.Workspace.from_config("nobody.json")', "'nobody.json' does not exist."),
    ],
)
def test_an_error_has_one_traceback(line, told, project):
    script = f"from azureml import core\nws = core.Workspace.from_config()\n{line}\n"
    (project / "wrong.py").write_text(script)
    said = done(project, sys.executable, "-m", "mlmagic.azureml", "wrong.py", code=1)
    assert told in said
    assert 'wrong.py", line 3' in said
    assert said.count("Traceback (most recent call last)") == 1


def test_a_name_in_use_needs_overwrite(project):
    workspace = core.Workspace.from_config()
    environment = core.Environment("minimal-env")
    environment.python.conda_dependencies.add_pip_package("msgspec")
    inference = core.model.InferenceConfig(
        "score.py", source_directory="source_dir", environment=environment
    )
    cloud = webservice.AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1)
    local = webservice.LocalWebservice.deploy_configuration()

    def deploy(config, **more):
        return core.Model.deploy(workspace, "mysvc", ["cli/model.txt"], inference, config, **more)

    assert deploy(cloud).compute_type == "ACI"
    for config in (cloud, local):  # v1 kept local ones apart: one must not take the other's place
        with pytest.raises(WebserviceException, match=r"there is already .*mysvc.*overwrite=True"):
            deploy(config)
    assert core.Webservice(workspace, "mysvc").compute_type == "ACI"
    assert deploy(local, overwrite=True).compute_type == "Local"
    assert deploy(local).compute_type == "Local"


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


def test_compute_targets_are_of_v1s_classes(project, capsys):
    workspace = core.Workspace.from_config()
    cluster = core.ComputeTarget(workspace, "kubernetes")
    assert (type(cluster), cluster.type, cluster.agent_count) == (compute.AksCompute, "AKS", None)
    assert type(compute.AksCompute(workspace, "local")) is core.ComputeTarget
    assert repr(cluster).startswith("AksCompute(workspace=Workspace.create(name='myws'")
    cluster.wait_for_completion(show_output=True)
    assert capsys.readouterr().out == (
        'SucceededProvisioning operation finished, operation "Succeeded"\n'
    )
    with pytest.raises(NotImplementedError, match="Put a proxy"):
        compute.AksCompute.provisioning_configuration().enable_ssl()


def test_environments_and_run_configurations_are_changed_as_in_v1(project):
    environment = core.RunConfiguration("train.py", ["--rate", 1]).environment
    environment.python.user_managed_dependencies = True
    image = core.Environment.from_docker_image("by-image", "image:1")
    image.python.conda_dependencies.add_pip_package("joblib")
    image.docker.shm_size = "4g"
    image.save_to_directory("kept")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        image.save_to_directory("kept")
    again = core.Environment.load_from_directory("kept")
    assert (again.docker.shm_size, again.docker.base_image) == ("4g", "image:1")
    with pytest.raises(FileNotFoundError, match=r"nosuch.azureml_environment\.json"):
        core.Environment.load_from_directory("nosuch")
    with pytest.raises(TypeError, match="expected str"):
        core.Environment(3)
    with pytest.raises(UserErrorException, match="Name is required"):
        again.clone("")
    workspace = core.Workspace.from_config()
    again.register(workspace)
    assert core.Environment.get(workspace, "by-image", label="Latest").version == "1"
    with pytest.raises(UserErrorException, match="labels are not kept"):
        core.Environment.get(workspace, "by-image", label="prod")
    conda = again.python.conda_dependencies
    conda.as_dict()["dependencies"].clear()
    assert conda.get_python_version() == "3.8.13"
    with pytest.raises(UserErrorException, match="python must not be removed"):
        conda.remove_conda_package("python")
    with pytest.raises(UserErrorException, match="unknown packages key"):
        CondaDependencies(None, {"packages": []})
    assert conda.save_to_file(".") == ".azureml/conda_dependencies.yml"
