"""The parts of a service on an engine, while others take them away."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest

from mlmagic.entities import DockerDeploymentConfig
from mlmagic.targets.docker import labels
from mlmagic.targets.docker.checking import check
from mlmagic.targets.docker.making import Making
from mlmagic.targets.docker.observing import observe
from mlmagic.targets.docker.parts import ROOM, STATE, ServiceParts
from tests.engine.fixtures import lacking
from tests.engine.registry import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.docker

ROUNDS = 6  # of which the engine answers one with an error of the storage in every two, at least


@pytest.fixture
def parts(docker_engine: TestEngine, unique: str) -> Iterator[ServiceParts]:
    parts = ServiceParts(docker_engine.client, "svc", unique)
    yield parts
    for each in parts.containers():
        parts.remove_container(each)


def make(parts: ServiceParts, base: str) -> str:
    """Start a container of a service."""
    marks = {**labels.own(parts.name, parts.owner, labels.FRONT), labels.INSTANCE: "one"}
    api = parts.client.api
    made = api.create_container(base, ["sleep", "600"], labels=marks, volumes=[ROOM])
    api.start(made["Id"])
    return str(made["Id"])


def test_a_container_that_is_just_removed_is_as_good_as_gone(
    docker_engine: TestEngine, parts: ServiceParts
) -> None:
    looks = 0
    with ThreadPoolExecutor() as pool, closing(docker.from_env()) as other:
        for rounds in range(1, 10 * ROUNDS):  # a removal may be over after one look
            container = make(parts, docker_engine.base)
            assert [each.id for each in observe(parts, host=None).fronts] == [container]
            removal = pool.submit(other.api.remove_container, container, force=True, v=True)
            while not removal.done():
                observe(parts, host=None)
                looks += 1
            removal.result()
            if rounds >= ROUNDS and looks > ROUNDS:
                break
    assert looks > ROUNDS
    assert not observe(parts, host=None).fronts


def test_two_may_remove_one_container(docker_engine: TestEngine, parts: ServiceParts) -> None:
    with ThreadPoolExecutor() as pool:
        for _ in range(ROUNDS):
            make(parts, docker_engine.base)
            (told,) = parts.containers()
            for removal in [pool.submit(parts.remove_container, told) for _ in range(3)]:
                removal.result()
            assert not parts.containers()


def test_the_policy_of_a_container_that_is_just_ending_is_changed(
    docker_engine: TestEngine, parts: ServiceParts
) -> None:
    if os.geteuid() != 0:
        lacking("killing the process of a container needs root")
    api = parts.client.api
    for _ in range(2 * ROUNDS):  # the engine refuses every second one, about
        container = make(parts, docker_engine.base)
        parts.restart_by(container, "unless-stopped")
        os.kill(api.inspect_container(container)["State"]["Pid"], signal.SIGKILL)
        parts.restart_by(container, "no")
        policy = api.inspect_container(container)["HostConfig"]["RestartPolicy"]["Name"]
        assert policy == "no"
        api.remove_container(container, force=True, v=True)


def test_who_serves_and_the_policies_are_as_before_where_a_deployment_fails(
    docker_engine: TestEngine, parts: ServiceParts
) -> None:
    container = make(parts, docker_engine.base)
    parts.write(container, {STATE: None})
    parts.restart_by(container, "on-failure")
    parts.tell_serving(container, "old", 1)
    before = observe(parts, host=None)
    making = Making(parts, DockerDeploymentConfig())
    making.restart_by(container, "on-failure", "always")
    making.tell_serving(container, "new", 2, before)
    assert observe(parts, host=None) != before
    making.take_back()
    assert observe(parts, host=None) == before


def test_a_port_that_another_has_for_udp_is_free(
    docker_engine: TestEngine, parts: ServiceParts
) -> None:
    port = free_port()
    other = docker_engine.client.containers.run(
        docker_engine.base, ["sleep", "600"], ports={"1/udp": port}, detach=True
    )
    try:
        assert check(parts, DockerDeploymentConfig(port=port), host=None) is None
    finally:
        other.remove(force=True)
