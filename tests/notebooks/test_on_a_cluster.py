"""The first notebook runs on a cluster by a setting alone."""

from __future__ import annotations

import json
import re

import pytest

from mlmagic import Workspace
from tests.kubernetes.conftest import REGISTRY, base_image, cluster, namespace
from tests.notebooks.conftest import shown

__all__ = ["base_image", "cluster", "namespace"]
pytestmark = pytest.mark.kubernetes


def test_a_setting_runs_the_first_notebook_on_a_cluster(
    notebooks, mlmagic, cluster, namespace, base_image
):
    Workspace.create(notebooks).attach_compute_target(
        "kubernetes",
        "lab",
        kubeconfig=str(cluster.kubeconfig),
        namespace=namespace,
        image_registry=REGISTRY,
    )
    (notebooks / "mlmagic.toml").write_text(f'base_image = "{base_image}"\n')
    arguments = ["out.ipynb", "--set", "target=lab", "--result", "outcome.json"]
    assert mlmagic("run", "01_first_service.ipynb", *arguments) == 0
    outcome = json.loads((notebooks / "outcome.json").read_text())
    assert outcome["models"] == [{"id": "diabetes:1", "outcome": "registered"}]
    assert [service["name"] for service in outcome["services"]] == ["diabetes-svc"]
    (services,) = shown(notebooks / "out.ipynb", "%ml service list")
    assert re.search(r"diabetes-svc +Healthy +1/1 +lab +diabetes:1 +http://127.0.0.1:", services)
    (answer,) = shown(notebooks / "out.ipynb", "svc.run")
    assert len(json.loads(answer)) == 2
