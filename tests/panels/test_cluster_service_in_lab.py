"""The panel of a service in a real cluster, in JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import open_lab

from mlmagic import Workspace
from tests.kubernetes.conftest import REGISTRY, base_image, cluster, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import LabPage, LabServer
    from playwright.sync_api import Browser, Locator

    from tests.cluster.node import Cluster

__all__ = ["base_image", "cluster", "namespace"]
pytestmark = [pytest.mark.browser, pytest.mark.kubernetes]

SCRIPT = """\
%%score_script score.py --no-trial --environment minimal
import json
import time


def init():
    time.sleep(6)


def run(raw_data):
    return json.loads(raw_data)["data"]
"""
DEPLOY = "svc = %deploy {name} --target prod --script score.py --environment minimal {options}"
SAMPLE = "--replicas 2 --cpu 50m --memory 128Mi --sample '{{\"data\": [1, 2]}}'"


@pytest.fixture
def folder(
    lab_server: LabServer, cluster: Cluster, namespace: str, base_image: str
) -> Iterator[Path]:
    folder = lab_server.root / "cluster"
    workspace = Workspace.create(folder)
    (folder / "mlmagic.toml").write_text(f'base_image = "{base_image}"\n')
    workspace.attach_compute_target(
        "kubernetes",
        "prod",
        kubeconfig=str(cluster.kubeconfig),
        namespace=namespace,
        image_registry=REGISTRY,
    )
    yield folder
    for service in Workspace(folder).list_services():
        service.delete()


@pytest.fixture
def notebook(browser: Browser, lab_server: LabServer, folder: Path) -> Iterator[LabPage]:
    cells = [
        "%load_ext mlmagic",
        SCRIPT,
        DEPLOY.format(name="cluster-svc", options=SAMPLE),
        DEPLOY.format(name="greedy-svc", options="--cpu 64"),
    ]
    lab_server.write_notebook("cluster/panel.ipynb", cells)
    with open_lab(browser, lab_server) as lab:
        lab.open("cluster/panel.ipynb")
        for index in range(2):
            lab.run(index)
        yield lab


def expect_state(panel: Locator, state: str) -> None:
    panel.locator(".mlm-chip", has_text=state).wait_for()


def test_the_panel_follows_a_service_in_a_cluster(notebook: LabPage) -> None:
    notebook.run(2)
    panel = notebook.output(2).locator(".mlm-panel")
    expect_state(panel, "Transitioning")
    panel.get_by_text("init() is running").first.wait_for()
    panel.get_by_label("Push: done").wait_for()
    notebook.screenshot("cluster-transitioning", panel)
    expect_state(panel, "Healthy")
    panel.get_by_text("Reached by").first.wait_for()
    panel.get_by_text("port-forward of this process, over the API server").first.wait_for()
    panel.get_by_role("button", name="Run").click()
    panel.locator(".mlm-answer", has_text="[1, 2]").wait_for()
    notebook.screenshot("cluster-healthy", panel)

    notebook.run(3)
    greedy = notebook.output(3).locator(".mlm-panel")
    expect_state(greedy, "Unschedulable")
    greedy.get_by_text("64 CPUs asked for by a pod").first.wait_for()
    notebook.screenshot("cluster-unschedulable", greedy)
