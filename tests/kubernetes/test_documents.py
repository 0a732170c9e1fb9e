"""The blocks of code in ``docs/kubernetes.md``, run on the cluster in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from kubernetes import client

from mlmagic import Workspace
from tests.kubernetes.conftest import REGISTRY
from tests.magics.conftest import shell
from tests.magics.documents import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.node import Cluster
    from tests.magics.conftest import TestingShell

__all__ = ["shell"]
pytestmark = pytest.mark.kubernetes
SCRIPT = """\
def init():
    pass


def run(raw_data):
    return raw_data
"""


@pytest.fixture
def folder(shell: TestingShell, tmp_path: Path) -> Iterator[Path]:
    """A folder with what the blocks name."""
    del shell  # it has gone into the folder
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / "model.txt").write_text("a model")
    workspace = Workspace.create(tmp_path)
    workspace.register_model(tmp_path / "model.txt", name="diabetes")
    yield tmp_path
    for service in workspace.list_services():
        service.delete()


def test_the_blocks_run(
    shell: TestingShell,
    folder: Path,
    cluster: Cluster,
    namespace: str,
    base_image: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLMAGIC_BASE_IMAGE", base_image)
    context = yaml.safe_load(cluster.kubeconfig.read_text())["current-context"]
    changes = {
        "~/.kube/config": str(cluster.kubeconfig),
        "--context prod": f"--context {context}",
        "--namespace ml": f"--namespace {namespace}",
        "registry.example.com/ml": REGISTRY,
        # The page's service exists, and the node of the tests is small and not theirs alone.
        "%deploy diabetes-svc": "%deploy diabetes-svc --model diabetes --script score.py"
        " --environment minimal",
        "0.5:1": "0.1:1",
        "512Mi:1Gi": "64Mi:1Gi",
    }
    cells, rights, policy = blocks("docs/kubernetes.md")
    cells.run(shell, capsys, changes)
    (service,) = Workspace(folder).list_services()
    service.wait_for_deployment()
    assert service.run("here") == "here"
    kinds = [each["kind"] for each in yaml.safe_load_all(rights.run(shell, capsys))]
    assert kinds[:3] == ["ServiceAccount", "Role", "RoleBinding"]
    document = yaml.safe_load(policy.text)
    document["metadata"]["namespace"] = namespace
    client.NetworkingV1Api(cluster.api).create_namespaced_network_policy(
        namespace, document, dry_run="All", field_validation="Strict"
    )
