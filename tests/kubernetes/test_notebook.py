"""The notebook on clusters runs unattended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
import yaml

from tests.kubernetes.conftest import lead
from tests.notebooks.conftest import CLUSTERS, ENDS, left_in

if TYPE_CHECKING:
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAME = f"{CLUSTERS}.ipynb"


@pytest.fixture
def folder(
    tmp_path: Path,
    cluster: Cluster,
    namespace: str,
    base_image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The notebook in a folder whose settings lead to the cluster."""
    monkeypatch.setenv("KUBECONFIG", str(lead(tmp_path, cluster, namespace, base_image)))
    notebook = nbformat.read(NOTEBOOKS / NAME, as_version=4)
    place = next(n for n, cell in enumerate(notebook.cells) if "svc.export()" in cell.source)
    line = "%ml service export risk-svc > manifests.yaml      # the same objects, for GitOps"
    notebook.cells.insert(place, nbformat.v4.new_code_cell(line))
    nbformat.write(notebook, tmp_path / NAME)
    return tmp_path


def test_it_runs_from_top_to_bottom(folder: Path) -> None:
    command = [sys.executable, "-m", "mlmagic", "run", NAME, "--result", "outcome.json"]
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0
    outcome = json.loads((folder / "outcome.json").read_text())
    assert outcome["status"] == "succeeded"
    assert {service["state"] for service in outcome["services"]} == {"Deleted"}
    assert [service["name"] for service in outcome["services"]] == ["risk-svc", "greedy-svc"]
    executed = nbformat.read(outcome["output"], as_version=4)
    told = " ".join(str(cell.get("outputs", "")) for cell in executed.cells)
    assert "[0.918, 0.45]" in told
    assert "64 CPUs asked for by a pod, the largest node has" in told
    assert left_in(folder) == ENDS[CLUSTERS]
    kept = yaml.safe_load_all((folder / "manifests.yaml").read_text())
    assert [item["kind"] for item in kept] == ["Service", "Deployment", "PodDisruptionBudget"]


@pytest.mark.parametrize(
    "runner",
    [
        ["pytest", "-c", "/dev/null", "-p", "no:cacheprovider", "-q", "--nbval-lax"],
        ["nbconvert", "--to", "notebook", "--execute", "--output", "out.executed.ipynb"],
    ],
    ids=["nbval", "nbconvert"],
)
def test_other_runners_leave_the_same(folder: Path, runner: list[str]) -> None:
    subprocess.run([sys.executable, "-m", *runner, NAME], cwd=folder, check=True)
    assert left_in(folder) == ENDS[CLUSTERS]
