"""Deployment configurations keep their kind and all their fields through records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic.entities import (
    DeploymentConfig,
    DockerDeploymentConfig,
    KubernetesDeploymentConfig,
    LocalDeploymentConfig,
)
from mlmagic.files import to_builtins

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = [LocalDeploymentConfig, DockerDeploymentConfig, KubernetesDeploymentConfig]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [{}, {"cpu": "500m", "threads": 2}])
def test_what_was_made_of_some_values_is_written_whole(
    kind: type[DeploymentConfig], values: Mapping[str, object]
) -> None:
    made = kind.from_values(dict(values))
    assert to_builtins(made) == to_builtins(kind(**values))
    assert DeploymentConfig.from_builtins(to_builtins(made)) == made


def test_records_of_the_first_version_are_of_local_services() -> None:
    read = DeploymentConfig.from_builtins({"port": 8890})
    assert read == LocalDeploymentConfig(port=8890)
    assert to_builtins(read)["compute_type"] == "local"
