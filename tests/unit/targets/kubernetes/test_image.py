"""What processors the image of a service is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import KubernetesDeploymentConfig
from mlmagic.errors import TargetUnavailableError
from mlmagic.targets.kubernetes.image import architecture_of_nodes, find_builder
from tests.unit.targets.kubernetes.examples import make_spec

if TYPE_CHECKING:
    from pathlib import Path

ARCH = "kubernetes.io/arch"


def node(architecture: str, **labels: str) -> dict[str, Any]:
    """Make a node as the API writes it, as far as it is looked at."""
    return {
        "metadata": {"labels": {ARCH: architecture, **labels}},
        "status": {"nodeInfo": {"architecture": architecture}},
    }


MIXED = [node("amd64", disk="hdd"), node("arm64", disk="ssd"), node("amd64", disk="hdd")]


@pytest.mark.parametrize(
    ("nodes", "selector", "expected"),
    [
        ([node("arm64"), node("arm64")], {}, "arm64"),
        (MIXED, {}, None),
        (MIXED, {"disk": "ssd"}, "arm64"),
        (MIXED, {ARCH: "arm64"}, "arm64"),
        (MIXED, {"disk": "none-has-it"}, None),
        ([node("arm64")], {"disk": "none-has-it"}, "arm64"),
        ([node("amd64")], {ARCH: "arm64"}, "arm64"),
        ([], {}, None),
    ],
)
def test_the_image_is_for_the_nodes_that_the_service_may_run_on(
    nodes: list[dict[str, Any]], selector: dict[str, str], expected: str | None
) -> None:
    assert architecture_of_nodes(nodes, selector) == expected


def test_lines_of_a_dockerfile_need_an_engine_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert find_builder(make_spec()) is None
    lines = KubernetesDeploymentConfig(base_dockerfile="RUN true")
    with pytest.raises(TargetUnavailableError, match=r"base_dockerfile.*engine answers") as caught:
        find_builder(make_spec(lines))
    assert "name it as base_image" in (caught.value.hint or "")
