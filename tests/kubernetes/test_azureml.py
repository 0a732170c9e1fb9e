"""Azure ML v1's seed sequence on the cluster: unchanged Python, and lines of ``az ml``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from mlmagic import Workspace
from tests.kubernetes.conftest import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.node import Cluster

CORPUS = Path(__file__).parents[1] / "azureml" / "corpus"
LINES = """
az ml folder attach -w myws -g rg
az ml computetarget attach aks -n my-aks --context mycluster -w myws -g rg
az ml model register -n hello -p model.txt
az ml environment scaffold -n shell-env -d shell-env
az ml model deploy -n shell-svc -m hello:1 --ic inferenceconfig.json --dc deploymentconfig.json --ct my-aks
az ml service show -n shell-svc --query '[name, state, target]' -o tsv
az ml service run -n shell-svc -d '{"data": [1]}' --query text -o tsv
echo updated > model.txt
az ml model register -n hello -p model.txt
az ml service update -n shell-svc -m hello:2
az ml service run -n shell-svc -d '{"data": [1]}' --query text -o tsv
az ml service get-logs -n shell-svc -l 50 | grep -o -m1 'POST /score 200'
az ml service delete -n shell-svc -y
az ml service list --query '[].name' -o tsv
az ml computetarget detach -n my-aks
"""  # noqa: E501 - as they were written


@pytest.fixture
def project(
    tmp_path: Path,
    cluster: Cluster,
    namespace: str,
    base_image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """The corpus beside a kubeconfig as ``az aks get-credentials`` leaves it."""
    folder = tmp_path / "project"
    shutil.copytree(CORPUS, folder)
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["contexts"][0]["name"] = content["current-context"] = "mycluster"
    content["contexts"][0]["context"]["namespace"] = namespace
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    settings = f'image_registry = "{REGISTRY}"\nbase_image = "{base_image}"\n'
    (folder / "mlmagic.toml").write_text(settings)
    yield folder
    for service in Workspace(folder).list_services():
        service.delete()


def run(project: Path, *command: str) -> str:
    bin_directory = Path(sys.executable).parent
    answer = subprocess.run(
        command,
        cwd=project, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    return answer.stdout


def test_the_seed_sequence_runs_unchanged(project: Path) -> None:
    out = run(project, sys.executable, "-m", "mlmagic.azureml", "cluster.py")
    for line in (
        "Succeeded kubernetes",
        'AKS service creation operation finished, operation "Succeeded"',
        "Healthy AKS my-aks",
        "{'text': 'on a cluster', 'data': 1, 'greeting': None}",
        "keys: True",
        "updated",
        "logged: True",
        "WebserviceNotFound: Webservice with name aks-service not found in provided workspace",
        "False",
    ):
        assert line in out.splitlines(), f"{line!r} is not in:\n{out}"


def test_the_seed_sequence_runs_by_the_shell_alone(project: Path) -> None:
    (project / "model.txt").write_text("by the shell")
    inference = {"entryScript": "score.py", "sourceDirectory": "./source_dir"}
    inference["environment"] = "minimal"
    (project / "inferenceconfig.json").write_text(json.dumps(inference))
    deployment = {"computeType": "aks", "numReplicas": 1, "autoScaler": {"autoscaleEnabled": False}}
    deployment["containerResourceRequirements"] = {"cpu": 0.1, "memoryInGB": 0.2}
    (project / "deploymentconfig.json").write_text(json.dumps(deployment))
    out = run(project, "bash", "-ec", f'eval "$(mlmagic alias az)"\n{LINES}')
    told = [line.split() for line in out.splitlines()]
    for words in (
        ["shell-svc"],
        ["Healthy"],
        ["my-aks"],
        ["by", "the", "shell"],
        ["updated"],
        ["POST", "/score", "200"],
    ):
        assert words in told, f"{words} is not in:\n{out}"
