"""What processors the image of a service is for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.entities import KubernetesDeploymentConfig
from mlmagic.errors import TargetUnavailableError
from mlmagic.targets.kubernetes.deployment import Work
from mlmagic.targets.kubernetes.image import architecture_of_nodes, find_builder, renewed
from mlmagic.targets.kubernetes.objects import Credentials
from tests.unit.targets.kubernetes.examples import make_record, make_spec

if TYPE_CHECKING:
    from pathlib import Path

ARCH = "kubernetes.io/arch"


def node(architecture: str, *, system: str = "linux", **labels: str) -> dict[str, Any]:
    """Make a node as the API writes it, as far as it is looked at."""
    return {
        "metadata": {"labels": {ARCH: architecture, **labels}},
        "status": {"nodeInfo": {"architecture": architecture, "operatingSystem": system}},
    }


MIXED = [node("amd64", disk="hdd"), node("arm64", disk="ssd"), node("amd64", disk="hdd")]


@pytest.mark.parametrize(
    ("nodes", "selector", "expected"),
    [
        ([node("arm64"), node("arm64")], {}, "arm64"),
        ([node("amd64", system="windows"), node("arm64")], {}, "arm64"),
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


@pytest.mark.parametrize(
    ("entry", "secret", "made"),
    [
        ({"auth": "bWU6aHVzaA=="}, None, True),
        ({"auth": "bWU6aHVzaA=="}, "team", False),
        ({"identitytoken": "some"}, None, False),
    ],
)
def test_a_pull_secret_is_made_of_a_password_where_none_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    entry: dict[str, str],
    secret: str | None,
    made: bool,
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"example.com": entry}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    work = Work(
        record=make_record(config=KubernetesDeploymentConfig(image_pull_secret=secret)),
        kubeconfig=None,
        context=None,
        namespace="ml",
        content=tmp_path,
        cache=tmp_path,
        environments=tmp_path,
        workspace=tmp_path,
        registry="example.com/ml",
        image="example.com/ml/svc@sha256:0",
    )
    expected = Credentials(registry="example.com", user="me", password="hush")
    assert renewed(work) == (expected if made else None)


def test_lines_of_a_dockerfile_need_an_engine_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert find_builder(make_spec()) is None
    lines = KubernetesDeploymentConfig(base_dockerfile="RUN true")
    with pytest.raises(TargetUnavailableError, match=r"base_dockerfile.*engine answers") as caught:
        find_builder(make_spec(lines))
    assert "name it as base_image" in (caught.value.hint or "")
