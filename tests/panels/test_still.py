"""What panels hold ready for a notebook that is saved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fake_service import KEY, FakeService

from mlmagic import Workspace
from mlmagic.panels.deploy import DeployPanel
from mlmagic.panels.environment import EnvironmentPanel
from mlmagic.panels.models import ModelsPanel
from mlmagic.panels.result import ResultPanel
from mlmagic.panels.service import ServicePanel
from mlmagic.panels.services import ServicesPanel
from mlmagic.presentation import present
from mlmagic.services import News, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.panels.panel import Panel

VIEW = "application/vnd.jupyter.widget-view+json"
TIME = re.compile(r"as of\s+\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC")
PANELS: dict[str, Callable[[Workspace], Panel]] = {
    "deploy": DeployPanel,
    "environment": lambda workspace: EnvironmentPanel(workspace, "minimal"),
    "models": ModelsPanel,
    "result": lambda _workspace: ResultPanel("Numbers", lambda: present([{"n": 1}])),
    "service": lambda _workspace: ServicePanel((it := FakeService()), watch=it.watch),
    "services": ServicesPanel,
}
TRAFFIC = Traffic(at="2026-11-27T10:00:00+00:00", rate=2.5, errors=0, p50=1, p95=2, p99=3)


@pytest.mark.parametrize("make", PANELS.values(), ids=PANELS)
def test_it_is_an_output_that_shows_the_panel_with_the_time(tmp_path: Path, make) -> None:
    panel = make(Workspace.create(tmp_path))
    for kind in ("text/html", "text/plain"):
        assert TIME.search(panel.still[kind])
    assert panel.still[VIEW]["model_id"] == panel.model_id
    panel.close()


def stills(panel: Panel) -> list[dict[str, str]]:
    told: list[dict[str, str]] = []
    panel.observe(lambda change: told.append(change["new"]), "still")
    return told


def test_that_of_a_service_is_new_when_the_service_is_and_not_with_its_noise():
    service = FakeService()
    service.be_healthy()
    panel = ServicePanel(service, watch=service.watch)
    told = stills(panel)
    (replica,) = service.snapshot()["replicas"]
    service.become("GET /score", replicas=[replica | {"memoryBytes": 200_000_000}])
    panel._publish(News(snapshot=service.snapshot(), traffic=TRAFFIC))
    panel._send_newest()
    assert panel.snapshot["replicas"][0]["memoryBytes"] == 200_000_000
    assert told == []
    service.fail()
    panel._send_newest()
    (still,) = told
    assert "In [4], line 7" in still["text/html"]
    assert KEY not in str(still)
    panel.close()


class Unwatched(ServicesPanel):
    """A panel that is told by the test alone."""

    def _follow(self, names: list[str]) -> None:
        pass


def test_that_of_all_services_is_not_new_with_what_they_are_asked(tmp_path):
    panel = Unwatched(Workspace.create(tmp_path))
    service = FakeService()
    panel._ends[service.name] = lambda: None
    panel._publish(News(snapshot=service.snapshot()))
    told = stills(panel)
    panel._publish(News(snapshot=service.snapshot(), traffic=TRAFFIC))
    panel._send_newest()
    assert panel.services[0]["rates"] == [2.5]
    assert told == []
    service.be_healthy()
    panel._publish(News(snapshot=service.snapshot()))
    assert "Healthy" in told[-1]["text/html"]
    panel.close()


def test_that_of_the_form_is_its_line_without_what_may_be_a_secret(tmp_path):
    panel = DeployPanel(Workspace.create(tmp_path))
    panel.values = {**panel.values, "name": "iris-svc", "variables": "TOKEN=5ecret"}
    assert panel.still["text/plain"].startswith("%deploy iris-svc --target local --env 'TOKEN=…'")
    assert "5ecret" not in str(panel.still)
    panel.close()


def test_that_of_models_has_those_that_came(tmp_path):
    workspace = Workspace.create(tmp_path)
    panel = ModelsPanel(workspace)
    (tmp_path / "weights.txt").write_text("1")
    panel.commands["register"]({"path": str(tmp_path / "weights.txt"), "name": "w", "tags": ""})
    panel._send_newest()
    assert re.search(r"^w +1 ", panel.still["text/plain"], re.MULTILINE)
    panel.close()
