"""Cells that the deploy panel writes deploy in a kernel of their own what the form deploys."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import start_new_kernel

from mlmagic import Workspace
from mlmagic.panels.deploy import DeployPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Iterator[Workspace]:
    root = tmp_path_factory.mktemp("cells")
    made = Workspace.create(root)
    (root / "src").mkdir()
    (root / "src" / "score.py").write_text(SCRIPT)
    (root / "weights.txt").write_text("1")
    made.register_model(root / "weights.txt", name="weights", sample={"data": [1]})
    made.define_environment("plain", "packaging")
    made.keep_configuration("inference", "mine", "entryScript: score.py\nsourceDirectory: src\n")
    made.keep_configuration("deployment", "small", "computeType: local\nworkers: 2\ncpu: 0.5\n")
    yield made
    for service in made.list_services():
        service.delete()


@pytest.fixture(scope="module")
def run(workspace: Workspace) -> Iterator[Callable[[str], str]]:
    """Run a cell in a kernel that knows nothing of the form, and return what it tells."""
    manager, client = start_new_kernel(cwd=str(workspace.root), stderr=subprocess.DEVNULL)

    def execute(cell: str) -> str:
        told: list[str] = []
        answer = client.execute_interactive(
            cell, timeout=300, output_hook=lambda message: told.append(f"{message['content']}")
        )
        assert answer["content"]["status"] == "ok", told
        return "\n".join(told)

    execute("%load_ext mlmagic")
    yield execute
    client.stop_channels()
    manager.shutdown_kernel(now=True)


FORMS = {
    "all-here": {
        "script": "score.py",
        "source_directory": "src",
        "environment": "plain",
        "cpu": "500m",
        "memory": "1G",
        "workers": "2",
        "auth": "none",
        "scoring_timeout_ms": "5000",
        "tags": "team=a b\nstage=test",
    },
    "over-named": {
        "inference_config": "mine",
        "environment": "plain",
        "deployment_config": "small",
        "workers": "1",
        "auth": "none",
    },
    "half-named": {"script": "src/score.py", "deployment_config": "small", "memory": "1500M"},
    "in-files": {"inference_config": "ic.json", "memory": "512Mi", "collect_model_data": "true"},
}


@pytest.mark.parametrize("name", FORMS)
def test_cells_of_a_form_deploy_what_the_form_deploys(name, workspace, run, monkeypatch):
    monkeypatch.chdir(workspace.root)
    workspace.keep_configuration("inference", "ic.json", '{"entryScript": "src/score.py"}')
    panel = DeployPanel(workspace, {"name": name, "models": "weights:1", **FORMS[name]})
    panel.commands["deploy"]({})
    workspace.show_service(name).wait_for_deployment()
    deployed = workspace.show_service(name).record
    told = panel.commands["configuration"]({"format": "cell"})
    for _, source in told["parts"]:
        run(source)
    assert panel.commands["configuration"]({"format": "cell"})["existing"] == []
    for line in (told["line"], panel.commands["line"]({})["cell"]):
        run(line)
        assert "'unchanged'" in run("_.outcome")
        after = workspace.show_service(name).record
        assert after.spec.digest == deployed.spec.digest
        assert after.generation == deployed.generation
    panel.opened.close()
    panel.close()
