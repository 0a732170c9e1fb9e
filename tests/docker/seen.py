"""What tests see of services on an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.errors import DeploymentFailedError
from mlmagic.targets.docker.labels import OWNER, PART, owner_of
from mlmagic.testing.contract import SECONDS

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

    from mlmagic.entities import Reason, ServiceState
    from mlmagic.services import Webservice
    from tests.docker.conftest import DockerKit


def parts(client: DockerClient, kit: DockerKit, part: str | None = None) -> list[Container]:
    label = [f"{OWNER}={owner_of(kit.root)}", *([f"{PART}={part}"] if part else [])]
    return client.containers.list(all=True, filters={"label": label})


def healthy(kit: DockerKit, *spec: Any, **options: Any) -> Webservice:
    service = kit.services.submit(kit.spec(*spec, **options))
    service.wait_for_deployment(timeout_sec=SECONDS)
    return service


def is_(service: Webservice, state: ServiceState, reason: Reason) -> bool:
    status = service.status
    return (status.state, status.reason) == (state, reason)


def fails(service: Webservice) -> DeploymentFailedError:
    with pytest.raises(DeploymentFailedError) as caught:
        service.wait_for_deployment(timeout_sec=SECONDS)
    return caught.value
