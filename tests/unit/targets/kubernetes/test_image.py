"""What processors the image of a service is for."""

from __future__ import annotations

from typing import Any

import pytest

from mlmagic.targets.kubernetes.image import architecture_of_nodes

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
