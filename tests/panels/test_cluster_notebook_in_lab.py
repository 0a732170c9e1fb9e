"""The notebook on clusters in JupyterLab: it ends as it does wherever it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import LabServer, open_lab
from test_notebooks_in_lab import check_end, run_from_menu

from tests.kubernetes.conftest import base_image, cluster, lead, namespace
from tests.notebooks.conftest import CLUSTERS, copy_notebooks, delete_services

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.cluster.node import Cluster

__all__ = ["base_image", "cluster", "namespace"]
pytestmark = [pytest.mark.browser, pytest.mark.kubernetes]


@pytest.mark.timeout(420)
def test_all_its_cells_are_run_from_the_menu(
    browser: Browser,
    cluster: Cluster,
    namespace: str,
    base_image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "notebooks" / CLUSTERS
    copy_notebooks(folder)
    # Kernels have it from their server, so the server is one of its own.
    monkeypatch.setenv("KUBECONFIG", str(lead(folder, cluster, namespace, base_image)))
    server = LabServer(tmp_path)
    try:
        with open_lab(browser, server) as lab:
            run_from_menu(lab, CLUSTERS)
            lab.screenshot("kubernetes-notebook")
            check_end(lab, CLUSTERS)
    finally:
        server.stop()
        delete_services(folder)
