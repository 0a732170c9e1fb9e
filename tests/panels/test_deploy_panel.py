"""The Python half of the deploy panel: fields of each target, and what may be a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace
from mlmagic.panels.deploy import DeployPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "s3cret-of-the-test"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path)


@pytest.fixture
def open_panel(workspace: Workspace) -> Iterator[Callable[..., DeployPanel]]:
    opened: list[DeployPanel] = []

    def make(**values: str) -> DeployPanel:
        opened.append(DeployPanel(workspace, {"name": "svc", **values}))
        return opened[-1]

    yield make
    for panel in opened:
        panel.close()


def fields(panel: DeployPanel) -> dict[str, dict[str, object]]:
    return {field["name"]: field for field in panel.fields}


def saved(panel: DeployPanel) -> str:
    """What a notebook would hold of the panel: its state, and the texts beside it."""
    return f"{panel.get_state()} {panel.to_html()} {panel.line(private=False)}"


def test_each_target_has_its_own_fields_with_defaults_and_units(open_panel):
    panel = open_panel()
    assert fields(panel)["workers"]["default"] == "1"
    assert fields(panel)["scoring_timeout_ms"]["unit"] == "ms"
    assert {"restart", "replicas", "autoscale_enabled"}.isdisjoint(fields(panel))
    panel.commands["set"]({"name": "target", "value": "docker"})
    assert fields(panel)["restart"]["default"] == "unless-stopped"
    assert fields(panel)["volumes"]["part"] == "target"
    assert {"replicas", "autoscale_max"}.isdisjoint(fields(panel))
    panel.commands["set"]({"name": "target", "value": "kubernetes"})
    assert fields(panel)["liveness_period_seconds"]["default"] == "10"
    assert fields(panel)["liveness_period_seconds"]["unit"] == "s"
    assert fields(panel)["cpu_limit"]["unit"] == "CPUs"
    assert {"restart", "address", "token_auth_enabled"}.isdisjoint(fields(panel))


def test_what_is_wrong_is_told_of_each_field_and_of_all_together(open_panel):
    panel = open_panel(target="kubernetes", replicas="0")
    assert "allowed: at least 1" in panel.problems["replicas"]
    panel.values = {**panel.values, "replicas": "9", "autoscale_max": "3"}
    assert panel.problems == {"": "'9' replicas are not between '1' and '3'"}
    with pytest.raises(Exception, match="'9' replicas are not between"):
        panel.commands["plan"]({})
    panel.values = {**panel.values, "replicas": "2"}
    assert panel.problems == {}


@pytest.mark.parametrize("way", ["at first", "trait", "page"])
def test_values_of_variables_are_in_no_state(open_panel, way):
    text = f"TOKEN={SECRET}\nMODE=fast"
    panel = open_panel(**({"variables": text} if way == "at first" else {}))
    if way == "trait":
        panel.values = {**panel.values, "variables": text}
    if way == "page":
        panel.commands["set"]({"name": "variables", "value": text})
    assert SECRET not in saved(panel)
    assert fields(panel)["variables"]["kept"] == "TOKEN, MODE"
    assert f"--env TOKEN={SECRET}" in panel.line()
    assert "--env 'TOKEN=…' --env 'MODE=…'" in panel.line(private=False)
    panel.values = {**panel.values, "workers": "2"}
    assert SECRET in panel.line()  # held while others change
    panel.commands["set"]({"name": "variables", "value": ""})
    assert "--env" not in panel.line()


def test_a_variable_that_is_wrong_is_not_quoted(open_panel):
    panel = open_panel()
    panel.commands["set"]({"name": "variables", "value": SECRET})
    assert panel.problems == {"variables": "is not KEY=VALUE on each line"}
    assert SECRET not in saved(panel)
