"""Specifications and records to make objects and states from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mlmagic.entities import (
    DeploymentSpec,
    KubernetesDeploymentConfig,
    Lock,
    Revision,
    ServiceRecord,
    SourceTree,
)

_THEN = datetime(2026, 1, 1, tzinfo=UTC)


def make_spec(config: KubernetesDeploymentConfig | None = None, **more: Any) -> DeploymentSpec:
    values: dict[str, Any] = {
        "name": "svc",
        "target": "kubernetes",
        "models": (),
        "source": SourceTree(entry_script="score.py"),
        "lock": Lock(identity="0" * 64, text="", python_version="3.11", platform="linux-x86_64"),
        "runtime": "1" * 64,
        "config": config or KubernetesDeploymentConfig(),
    }
    return DeploymentSpec(**values | more)


def make_record(
    *, revision: int = 1, config: KubernetesDeploymentConfig | None = None
) -> ServiceRecord:
    spec = make_spec(config)
    return ServiceRecord(
        name="svc",
        target="kubernetes",
        generation=revision,
        current=revision,
        revisions=tuple(
            Revision(generation=number, spec=spec, created_at=_THEN)
            for number in range(1, revision + 1)
        ),
        created_at=_THEN,
        updated_at=_THEN,
    )
