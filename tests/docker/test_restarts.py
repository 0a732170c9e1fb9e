"""A service whose engine dies, comes back, and is started again with its machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import TargetUnavailableError
from mlmagic.testing.contract import SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.services import Webservice
    from tests.docker.conftest import DockerKit
    from tests.engine.fixtures import TestEngine
    from tests.engine.private import PrivateEngine

pytestmark = pytest.mark.docker


@pytest.fixture
def engine(
    docker_engine: TestEngine,
    make_engine: Callable[..., PrivateEngine],
    monkeypatch: pytest.MonkeyPatch,
) -> PrivateEngine:
    """An engine with the base image, which may be killed; it is the one that is meant."""
    engine = make_engine(network=True)
    base = docker_engine.client.images.get(docker_engine.base)
    engine.client().api.load_image(base.save(named=docker_engine.base))
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    return engine


def is_(service: Webservice, state: ServiceState, reason: Reason) -> bool:
    status = service.status
    return (status.state, status.reason) == (state, reason)


def is_away(service: Webservice) -> bool:
    """Whether everything says that no engine answers, and nothing else does."""
    status = service.status
    assert (status.state, status.reason) == (ServiceState.UNHEALTHY, Reason.TARGET_UNAVAILABLE)
    assert "No Docker engine answers" in status.message
    assert "%ml doctor" in status.next_step
    assert "TargetUnavailable" in repr(service)
    for act in (lambda: service.run([0]), service.start, service.stop, service.restart):
        with pytest.raises(TargetUnavailableError, match="No Docker engine answers"):
            act()
    return True


def test_an_engine_that_dies_and_comes_back_leaves_a_true_state(
    engine: PrivateEngine, make_kit: Callable[..., DockerKit], tmp_path: Path
) -> None:
    kit = make_kit(tmp_path)
    service = kit.services.submit(kit.spec())
    assert service.run([0]) == [0]
    record, address, keys = service.record, service.internal_uri, service.get_keys()

    for end in (engine.kill, engine.cut_power):
        end()
        assert is_away(service)
        assert service.record == record
        engine.start()
        until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY), seconds=SECONDS)
        assert (service.internal_uri, service.get_keys()) == (address, keys)
        assert service.run([1]) == [1]

    service = kit.services.submit(kit.spec(restart="no"))
    service.wait_for_deployment(timeout_sec=SECONDS)
    engine.cut_power()
    engine.start()
    until(lambda: is_(service, ServiceState.FAILED, Reason.HOST_RESTARTED))
    assert service.status.next_step == "%ml service start svc"
    service.start()
    assert service.run([2]) == [2]
