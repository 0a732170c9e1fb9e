"""Images of registries that ask for credentials."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.testing.contract import SECONDS, until
from tests.engine.registry import PASSWORD, USER
from tests.kubernetes.relay import registry_for_pushes
from tests.kubernetes.test_states import fails

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster
    from tests.engine.registry import Registry

pytestmark = pytest.mark.kubernetes


def test_nodes_get_the_credentials_and_a_push_that_fails_is_told(
    kit: ServiceKit,
    cluster: Cluster,
    namespace: str,
    make_image_registry: Callable[..., Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = make_image_registry(htpasswd=True)
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    service = kit.services.submit(kit.spec(image_registry=f"{registry.address}/ml"))
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run([1]) == [1]
    assert cluster.core.read_namespaced_secret("svc-pull", namespace).type == (
        "kubernetes.io/dockerconfigjson"
    )
    # A registry that is gone: the new revision never comes, the old one answers on.
    registry.stop()
    assert service.state is ServiceState.HEALTHY
    failing = kit.services.submit(
        kit.spec(
            "import json\n\ndef init():\n    pass\n\ndef run(raw_data):\n    return 2\n",
            image_registry=f"{registry.address}/ml",
        )
    )
    until(lambda: failing.status.reason is Reason.UPDATE_FAILED, seconds=90)
    assert "ImagePushFailed" in failing.status.message
    assert service.run([1]) == [1]


@pytest.mark.parametrize(
    ("answer", "words", "way_out"),
    [
        (401, "401 Unauthorized", "--image-pull-secret"),
        (404, "are told: not found", "deploy again"),
        (None, "connection refused", "--image-registry"),
    ],
)
def test_nodes_that_get_no_image_are_told_why(
    kit: ServiceKit, answer: int | None, words: str, way_out: str
) -> None:
    with registry_for_pushes(answer) as address:
        script = f"def init():\n    pass\n\ndef run(raw_data):\n    return '{address}'\n"
        service = kit.services.submit(kit.spec(script, image_registry=f"{address}/ml"))
        error = fails(service)
    assert error.status is not None
    assert (error.status.state, error.status.reason) == (ServiceState.FAILED, Reason.IMAGE_PULL)
    assert f"'{address}/ml/svc@sha256:" in error.status.message
    assert words in error.status.message
    assert way_out in error.status.next_step
