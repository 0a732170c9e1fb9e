"""Updates of services on an engine that fail, are killed, or change where the service listens."""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from docker.errors import ImageNotFound

from mlmagic.entities import Reason, ServiceState
from mlmagic.targets.docker.labels import FRONT, REVISION
from mlmagic.targets.jobs import Job
from mlmagic.testing.contract import SECONDS, Load, says, until
from tests.docker.seen import fails, healthy, is_, parts

if TYPE_CHECKING:
    from docker import DockerClient

    from tests.docker.conftest import DockerKit
    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.docker

BROKEN = """
    def init():
        raise ValueError("no such model")

    def run(raw_data):
        return raw_data
"""


@pytest.mark.parametrize("is_fixed", [True, False])
def test_the_old_one_listens_until_the_new_one_is_ready_and_the_port_stays(
    kit: DockerKit, client: DockerClient, is_fixed: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1] if is_fixed else None
    service = healthy(kit, says("one"), port=port)
    address = service.internal_uri
    net = client.networks.create(f"{kit.label}-net")
    elsewhere = {
        "port": port,
        "networks": (str(net.name),),
        "address": "0.0.0.0",
        "restart": "always",
        "dns_name_label": f"{kit.label}-b",
    }
    try:
        fails(kit.services.submit(kit.spec(BROKEN, **elsewhere)))
        assert is_(service, ServiceState.HEALTHY, Reason.UPDATE_FAILED)
        assert service.run("") == "one"

        (old,) = parts(client, kit, FRONT)
        name = elsewhere["dns_name_label"]  # a deployment that is killed may leave one of it
        client.containers.create(old.attrs["Image"], name=name, labels=old.labels)
        healthy(kit, says("two"), **elsewhere)
        assert service.internal_uri == address
        assert service.run("") == "two"
        (front,) = parts(client, kit, FRONT)
        assert front.name == name
        assert [*front.attrs["NetworkSettings"]["Networks"]] == [net.name]
        assert front.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
        service.delete()
    finally:
        net.remove()


def test_a_revision_whose_deployment_is_killed_answers_nobody(
    kit: DockerKit, client: DockerClient
) -> None:
    service = healthy(kit, says("one"))
    slow = says("two").replace("pass", "time.sleep(2)")
    with Load(service) as load:
        kit.services.submit(kit.spec(slow))
        job = Job(kit.root / "svc")
        until(lambda: (state := job.state()) is not None and state.stage == "init")
        state = job.state()
        assert state is not None
        assert state.process is not None
        os.kill(state.process.pid, signal.SIGKILL)
        until(lambda: is_(service, ServiceState.HEALTHY, Reason.UPDATE_FAILED))
        failure = service.failure
        assert failure is not None
        assert failure.reason is Reason.DEPLOY_INTERRUPTED
        made = parts(client, kit, REVISION)[0]  # the newest comes first
        until(lambda: b"The script is ready" in made.logs() or b"Ready:" in made.logs())
        before = len(load.answers)
        until(lambda: len(load.answers) > before + 20)
        assert set(load.answers) == {"one"}
        again = kit.services.submit(kit.spec(slow))
        again.wait_for_deployment(timeout_sec=SECONDS)
        until(lambda: load.answers[-1:] == ["two"])
    assert load.errors == []
    told = "\n".join(service.events())
    assert "  Die  container/" in told
    assert "  Warning  Die" not in told  # it was we who ended what was left


def test_an_update_is_healthy_while_the_revision_before_still_answers_what_it_took(
    kit: DockerKit, client: DockerClient, docker_engine: TestEngine
) -> None:
    script = """
        import pathlib, time

        def init():
            pass

        def run(raw_data):
            pathlib.Path("/gate/taken").touch()
            while not pathlib.Path("/gate/open").exists():
                time.sleep(0.02)
            return "one"
    """
    volume = client.volumes.create(f"{kit.label}-gate")
    options = {"volumes": (f"{volume.name}:/gate",), "scoring_timeout_ms": 300_000}

    def at_gate(*command: str) -> None:
        mount = [f"{volume.name}:/gate"]
        client.containers.run(docker_engine.base, [*command], volumes=mount, remove=True)

    try:
        at_gate("chmod", "777", "/gate")
        service = healthy(kit, script, **options)
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(service.run, "")
            at_gate("sh", "-c", "until test -e /gate/taken; do sleep 0.1; done")
            updated = healthy(kit, says("two"), **options)
            assert updated.run("") == "two"
            assert not asked.done()
            (replica,) = updated.status.replicas
            assert replica.ready
            at_gate("touch", "/gate/open")
            assert asked.result() == "one"
        until(lambda: sum(each.status == "running" for each in parts(client, kit)) == 2)
        healthy(kit, says("three"), **options)
        (front,) = parts(client, kit, FRONT)
        service.delete()
        with pytest.raises(ImageNotFound):  # of the first revision, which went before
            client.images.get(front.attrs["Image"])
    finally:
        volume.remove()
