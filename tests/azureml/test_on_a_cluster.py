"""Azure ML v1 on the cluster: the corpus, unchanged Python, lines of ``az ml``, a notebook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.azureml.conftest import on_image
from tests.azureml.said import ON_EVERY_TARGET, check
from tests.kubernetes.conftest import REGISTRY, base_image, cluster, namespace
from tests.magics.documents import blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.node import Cluster

__all__ = ["base_image", "cluster", "namespace"]
pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("on_a_cluster")]
LINES = """
az ml folder attach -w myws -g rg
az ml model register -n hello -p model.txt
az ml environment scaffold -n shell-env -d shell-env
{of_the_page}
az ml service show -n svc --query '[name, state, target]' -o tsv
az ml service run -n svc -d '{"data": [1]}' --query text -o tsv
echo updated > model.txt
az ml model register -n hello -p model.txt
az ml service update -n svc -m hello:2
az ml service run -n svc -d '{"data": [1]}' --query text -o tsv
az ml service get-logs -n svc -l 50 | grep -o -m1 'POST /score 200'
az ml service delete -n svc -y
az ml service list --query '[].name' -o tsv
az ml computetarget detach -n my-aks
"""
# What the page's cell goes on from, and what shows that it ran.
CELLS = """
from azureml.core import Environment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice

ws = Workspace.from_config()
open("model.txt", "w").write("of the page")
model = Model.register(ws, "model.txt", "hello")
environment = Environment.get(ws, "AzureML-Minimal").clone("cloned")
inference_config = InferenceConfig("score.py", source_directory="source_dir", environment=environment)
aks_config = AksWebservice.deploy_configuration(cpu_cores=0.1, memory_gb=0.2)
{of_the_page}
service.wait_for_deployment()
print(service.run('{{"data": 1}}')["text"], service.compute_name)
"""  # noqa: E501 - as they were written


@pytest.fixture
def on_a_cluster(
    project: Path,
    cluster: Cluster,
    namespace: str,
    base_image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cluster stands for ``aci`` and ``aks``, known as ``az aks get-credentials`` leaves it."""
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["contexts"][0]["name"] = content["current-context"] = "mycluster"
    content["contexts"][0]["context"]["namespace"] = namespace
    (project / "kubeconfig").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", str(project / "kubeconfig"))
    monkeypatch.setenv("MLMAGIC_ACI_TARGET", "kubernetes")
    monkeypatch.setenv("MLMAGIC_AKS_TARGET", "kubernetes")
    monkeypatch.setenv("MLMAGIC_IMAGE_REGISTRY", REGISTRY)
    on_image(project, base_image, monkeypatch)


@pytest.mark.parametrize("line", ON_EVERY_TARGET)
def test_a_service_keeps_v1s_habits(line, unchanged) -> None:
    check(line, unchanged(line))


def test_the_pages_cell_runs(project: Path, unchanged) -> None:
    (cell,) = (each.text for each in blocks("docs/azureml.md") if "AksCompute" in each.text)
    (project / "page.py").write_text(CELLS.format(of_the_page=cell))
    assert "of the page my-aks" in unchanged("page.py")


def test_the_seed_sequence_runs_by_a_notebook(by_notebook) -> None:
    assert by_notebook() == "['kubernetes']"


def test_the_seed_sequence_runs_unchanged(unchanged) -> None:
    out = unchanged("cluster.py")
    for line in (
        "Succeeded AKS",
        'AKS service creation operation finished, operation "Succeeded"',
        "Healthy AKS my-aks",
        "{'text': 'on a cluster', 'data': 1, 'greeting': None}",
        "keys: True",
        "updated",
        "logged: True",
        "WebserviceNotFound: Webservice with name aks-service not found in provided workspace",
        "False",
    ):
        assert line in out, f"{line!r} is not in:\n{out}"


def test_the_seed_sequence_runs_by_the_shell_alone(project: Path, az) -> None:
    (project / "model.txt").write_text("by the shell")
    inference = {"entryScript": "score.py", "sourceDirectory": "./source_dir"}
    inference["environment"] = "minimal"
    (project / "ic.json").write_text(json.dumps(inference))
    deployment = {"computeType": "aks", "numReplicas": 1, "autoScaler": {"autoscaleEnabled": False}}
    deployment["containerResourceRequirements"] = {"cpu": 0.1, "memoryInGB": 0.2}
    (project / "dc.json").write_text(json.dumps(deployment))
    (page,) = (each.text for each in blocks("docs/azureml.md") if "--ct my-aks" in each.text)
    out = az(LINES.replace("{of_the_page}", page))
    told = [line.split() for line in out.splitlines()]
    for words in (
        ["svc"],
        ["Healthy"],
        ["my-aks"],
        ["by", "the", "shell"],
        ["updated"],
        ["POST", "/score", "200"],
    ):
        assert words in told, f"{words} is not in:\n{out}"
