from __future__ import annotations

from dataclasses import replace

import pytest

from mlmagic.entities import (
    ContentFile,
    DeploymentConfig,
    DeploymentSpec,
    DockerDeploymentConfig,
    KubernetesDeploymentConfig,
    LocalDeploymentConfig,
    Lock,
    PlacedModel,
    SourceTree,
)
from mlmagic.services import Plan
from mlmagic.services.plan import differences

SPEC = DeploymentSpec(
    name="iris",
    target="local",
    models=(PlacedModel(name="iris", version=1, digest="a" * 64, files=()),),
    source=SourceTree(
        entry_script="score.py",
        files=(ContentFile(path="score.py", sha256="1" * 64, size=1),),
    ),
    lock=Lock(
        identity="f" * 64,
        text="numpy==2.1 \\\n  --hash=sha256:0\n",
        python_version="3.11",
        platform="linux-x86_64",
    ),
    runtime="0" * 64,
    config=LocalDeploymentConfig(),
    variables={"MODE": "fast"},
    secrets={"token": "b" * 64},
)


def lines(after: DeploymentSpec) -> list[str]:
    return [str(change) for change in differences(SPEC, after)]


@pytest.mark.parametrize(
    ("config", "digest"),
    [
        (LocalDeploymentConfig(), "63abdb3f"),
        (DockerDeploymentConfig(), "58550d59"),
        (KubernetesDeploymentConfig(), "b6feb457"),
    ],
)
def test_what_versions_before_deployed_is_known_by_its_digest(
    config: DeploymentConfig, digest: str
) -> None:
    assert replace(SPEC, config=config).digest.startswith(digest)


def test_nothing_differs() -> None:
    assert lines(SPEC) == []


def test_differences_are_words() -> None:
    after = replace(
        SPEC,
        models=(PlacedModel(name="iris", version=2, digest="c" * 64, files=()),),
        config=replace(SPEC.config, memory="1Gi", workers=2),
        variables={"MODE": "exact"},
        secrets={},
    )
    assert lines(after) == [
        "models: iris:1 → iris:2",
        "model iris:1: - sha256:aaaaaa",
        "config.memory: + 1Gi",
        "config.workers: 1 → 2",
        "variable MODE: fast → exact",
        "secret token: - sha256:bbbbbb",
        "model iris:2: + sha256:cccccc",
    ]


def test_packages_and_files_are_named() -> None:
    file = ContentFile(path="score.py", sha256="2" * 64, size=1)
    after = replace(
        SPEC,
        source=replace(SPEC.source, files=(file,)),
        lock=replace(SPEC.lock, identity="e" * 64, text="numpy==2.2\n"),
    )
    assert lines(after) == [
        "file score.py: sha256:111111 → sha256:222222",
        "package numpy: 2.1 → 2.2",
        "environment: ffffff → eeeeee",
    ]


def test_a_plan_in_words() -> None:
    changed = replace(SPEC, config=replace(SPEC.config, port=8000))
    plan = Plan("iris", "update", differences(SPEC, changed), problem="Port '8000' is in use.")
    assert repr(plan).splitlines() == [
        "iris will be updated in place",
        "  config.port: + 8000",
        "  but: Port '8000' is in use.",
    ]


def test_a_new_service_is_told_as_a_whole() -> None:
    told = [str(change) for change in differences(None, SPEC)]
    assert told[:3] == ["target: + local", "models: + iris:1", "script: + score.py"]
    assert "packages: + 1" in told
    assert not any(line.startswith(("package ", "file ")) for line in told)
