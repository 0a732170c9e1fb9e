"""What Python and TypeScript promise one another, and what the bundles must not do."""

from __future__ import annotations

import gzip
import re
from dataclasses import fields
from pathlib import Path

import anywidget
import pytest
from fake_service import FakeService

from mlmagic import Workspace
from mlmagic.environments import LockedPackage
from mlmagic.panels.deploy import DeployPanel
from mlmagic.panels.environment import EnvironmentPanel
from mlmagic.panels.environment import _row as package_row
from mlmagic.panels.models import ModelsPanel
from mlmagic.panels.models import _row as model_row
from mlmagic.panels.panel import STATIC, Panel
from mlmagic.panels.result import ResultPanel
from mlmagic.panels.service import ServicePanel
from mlmagic.panels.services import ServicesPanel, _row
from mlmagic.services import Traffic

CONTRACT = Path(__file__).parents[2] / "widgets" / "src" / "contract.ts"
PANELS = {
    "DeployModel": DeployPanel,
    "EnvironmentModel": EnvironmentPanel,
    "ModelsModel": ModelsPanel,
    "PanelModel": Panel,
    "ResultModel": ResultPanel,
    "ServiceModel": ServicePanel,
    "ServicesModel": ServicesPanel,
}
GUIDE = Path(__file__).parents[2] / "docs" / "panels.md"
LARGEST_BUNDLE = 60_000


def contract_keys(name: str) -> set[str]:
    body = re.search(rf"export interface {name} {{\n(.*?)\n}}", CONTRACT.read_text(), re.DOTALL)
    assert body is not None
    return set(re.findall(r"^  (\w+):", body.group(1), re.MULTILINE))


def own_traits(panel: type[Panel]) -> set[str]:
    inherited = Panel if panel is not Panel else anywidget.AnyWidget
    return set(panel.class_traits(sync=True)) - set(inherited.class_traits())


@pytest.mark.parametrize("name", PANELS)
def test_names_the_synced_traits(name):
    assert contract_keys(name) == own_traits(PANELS[name])


@pytest.mark.parametrize("panel", PANELS.values())
def test_the_guide_tells_of_every_trait(panel):
    row = re.search(rf"^\| `{panel.__name__}` \|(.+)\|$", GUIDE.read_text(), re.MULTILINE)
    assert row is not None
    assert set(re.findall(r"`(\w+)`", row.group(1))) == own_traits(panel)


def test_names_what_the_service_panel_sends_and_does():
    service = FakeService()
    panel = ServicePanel(service, watch=service.watch)
    assert contract_keys("Snapshot") == set(service.snapshot())
    assert contract_keys("ServiceIntents") == set(panel.commands)
    assert contract_keys("Tail") == set(panel.tail)
    assert contract_keys("Traffic") == {field.name for field in fields(Traffic)}
    panel.close()


def test_names_what_the_services_panel_sends_and_does(tmp_path):
    panel = ServicesPanel(Workspace(tmp_path))
    assert contract_keys("ServiceRow") == set(_row(FakeService().snapshot(), []))
    assert contract_keys("ServicesIntents") == set(panel.commands)
    panel.close()


def test_names_what_the_models_panel_sends_and_does(tmp_path):
    workspace = Workspace.create(tmp_path)
    (tmp_path / "weights.txt").write_text("1")
    model = workspace.register_model(tmp_path / "weights.txt", name="weights").model
    panel = ModelsPanel(workspace)
    assert contract_keys("ModelRow") == set(model_row(model))
    assert contract_keys("ModelsIntents") == set(panel.commands)
    with panel._work.doing("weights"):
        assert contract_keys("Work") == set(panel.registration)
    assert contract_keys("ModelDetails") == set(panel.commands["details"]({"id": model.id}))
    panel.close()


def test_names_what_the_environment_panel_sends_and_does(tmp_path):
    panel = EnvironmentPanel(Workspace(tmp_path), "minimal")
    package = LockedPackage(
        name="six", version="1", origin="index", place="", reason="required", here=None
    )
    assert contract_keys("EnvironmentDetails") == set(panel.environment)
    assert contract_keys("EnvironmentIntents") == set(panel.commands)
    assert contract_keys("PackageRow") == set(package_row(package))
    with panel._work.doing("choice of versions"):
        assert contract_keys("Work") == set(panel.work)
    panel.close()


def test_names_what_the_deploy_panel_sends_and_does(tmp_path):
    panel = DeployPanel(Workspace(tmp_path))
    assert contract_keys("Field") == set(panel.fields[0])
    assert contract_keys("DeployIntents") == set(panel.commands)
    panel.values = {"name": "svc", "target": "local"}
    told = panel.commands["configuration"]({"format": "json"})
    assert contract_keys("Configurations") == set(told)
    with panel._work.doing("capture"):
        assert contract_keys("Work") == set(panel.work)
    names = {field["name"] for field in panel.fields}
    assert names.isdisjoint({"primary_key", "secondary_key"})  # forms are saved with notebooks
    panel.close()


def test_looks_do_not_depend_on_which_panels_are_open():
    assert {str(panel._css._path) for panel in PANELS.values()} == {str(STATIC / "panels.css")}


def test_bundles_are_generated_small_and_ask_no_other_server():
    modules = {Path(panel._esm._path) for panel in PANELS.values() if panel is not Panel}
    assert set(STATIC.iterdir()) == modules | {STATIC / "panels.css"}
    for path in STATIC.iterdir():
        content = path.read_bytes()
        text = content.decode()
        assert text.startswith("/* Generated by")
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert len(gzip.compress(content)) < LARGEST_BUNDLE
