"""Each state of a service on an engine, provoked for real."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from docker.errors import ImageNotFound

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import (
    ConfigurationError,
    DeploymentFailedError,
    ServiceError,
    ServiceNotFoundError,
    ServiceUnavailableError,
    TargetUnavailableError,
)
from mlmagic.targets.docker import DockerTarget, deployment
from mlmagic.targets.docker.labels import FRONT, GENERATION, OWNER, PART, SERVICE, owner_of
from mlmagic.targets.jobs import Job
from mlmagic.testing.contract import SECONDS, Load, says, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from mlmagic.services import Webservice
    from tests.docker.conftest import DockerKit
    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.docker

SEED = 1

CRASHING = """
    import os

    def init():
        pass

    def run(raw_data):
        if raw_data == "crash":
            os.kill(os.getpid(), 11) or os._exit(7)
        return "alive"
"""


@pytest.fixture
def client(docker_engine: TestEngine) -> DockerClient:
    return docker_engine.client


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


def test_what_others_do_to_its_containers_is_told_and_start_mends_it(
    kit: DockerKit, client: DockerClient
) -> None:
    service = healthy(kit)
    address = service.internal_uri
    (revision,) = parts(client, kit, "revision")
    (front,) = parts(client, kit, "front")

    front.restart()  # its server takes the new socket
    until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))
    assert service.run([1]) == [1]

    revision.pause()
    until(lambda: is_(service, ServiceState.UNHEALTHY, Reason.NOT_ANSWERING))
    assert "is paused" in service.status.message
    revision.unpause()
    until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))

    revision.stop()
    until(lambda: is_(service, ServiceState.UNHEALTHY, Reason.STOPPED))
    assert service.status.next_step == "%ml service start svc"
    service.start()
    assert service.run([2]) == [2]

    revision.remove(force=True)
    assert is_(service, ServiceState.FAILED, Reason.CONTAINER_GONE)
    service.start()
    assert service.run([3]) == [3]

    front.remove(force=True)
    assert is_(service, ServiceState.FAILED, Reason.CONTAINER_GONE)
    service.start()
    assert service.run([4]) == [4]
    assert service.internal_uri == address

    service.delete()
    assert parts(client, kit) == []
    assert client.volumes.list(filters={"name": f"mlmagic-svc-{owner_of(kit.root)[:8]}"}) == []


def test_a_server_that_crashes_comes_back(kit: DockerKit) -> None:
    service = healthy(kit, CRASHING)
    with pytest.raises(Exception, match="svc"):
        service.run("crash", timeout=3)
    until(lambda: bool(service.status.replicas) and service.status.replicas[0].restarts == 1)
    until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))
    assert service.run("who") == "alive"


def test_too_little_memory_is_told(kit: DockerKit) -> None:
    script = """
        def init():
            global held
            held = [bytes(10_000_000) + b"x" for _ in range(100)]

        def run(raw_data):
            return 1
    """
    error = fails(kit.services.submit(kit.spec(script, memory="100Mi")))
    assert error.status is not None
    assert error.status.reason is Reason.OUT_OF_MEMORY
    assert "--memory" in str(error)


def test_a_name_that_is_taken_is_refused_before_anything_is_made(
    kit: DockerKit, client: DockerClient, docker_engine: TestEngine
) -> None:
    foreign = client.containers.create(docker_engine.base, ["true"], name=kit.label)
    try:
        with pytest.raises(TargetUnavailableError, match=f"'{kit.label}' is taken"):
            kit.services.submit(kit.spec())
        assert kit.services.names() == []
        assert parts(client, kit) == []
        foreign.reload()
    finally:
        foreign.remove()


def test_a_port_in_use_is_refused_and_another_takes_over(kit: DockerKit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(TargetUnavailableError, match=f"'{port}' is in use"):
            kit.services.submit(kit.spec(port=port))
        assert kit.services.names() == []
    service = healthy(kit, port=port)
    assert service.internal_uri == f"http://127.0.0.1:{port}/score"
    with pytest.raises(TargetUnavailableError, match="service 'svc'"):
        kit.services.submit(kit.spec(name="other", port=port))
    with socket.create_server(("127.0.0.1", 0)) as held:
        other = held.getsockname()[1]
    healthy(kit, port=other)
    assert service.internal_uri == f"http://127.0.0.1:{other}/score"
    assert service.run([1]) == [1]


def test_a_port_that_is_taken_meanwhile_leaves_the_image_to_the_next_one(
    kit: DockerKit, client: DockerClient
) -> None:
    healthy(kit)
    for container in parts(client, kit):
        container.remove(force=True)  # the image stays, of nobody
    random.seed(SEED)
    first = deployment.some_ports()[0]
    with socket.create_server(("127.0.0.1", first)):
        random.seed(SEED)
        assert deployment.run(kit.root / "svc") == 0
    assert kit.services.get("svc").run([1]) == [1]


def test_what_an_engine_cannot_give_is_refused(kit: DockerKit) -> None:
    service = kit.services.submit(kit.spec(memory="90000Gi"))
    assert is_(service, ServiceState.UNSCHEDULABLE, Reason.INSUFFICIENT_MEMORY)
    assert "the engine's host has" in service.status.message
    with pytest.raises(ConfigurationError, match="no network 'not-there'"):
        kit.services.submit(kit.spec(name="other", networks=("not-there",)))
    with pytest.raises(ConfigurationError, match="SOURCE:TARGET"):
        kit.services.submit(kit.spec(name="other", volumes=("data",)))


def test_lines_of_a_dockerfile_make_the_base(kit: DockerKit) -> None:
    script = """
        def init():
            pass

        def run(raw_data):
            return open("/etc/made-by-lines").read().strip()
    """
    lines = "RUN echo yes > /etc/made-by-lines"
    assert kit.services.submit(kit.spec(script, base_dockerfile=lines)).run("") == "yes"


def test_a_line_of_a_dockerfile_that_fails_is_told(kit: DockerKit, client: DockerClient) -> None:
    lines = "RUN echo there is no such package >&2; exit 3"
    error = fails(kit.services.submit(kit.spec(base_dockerfile=lines)))
    assert error.status is not None
    assert error.status.reason is Reason.IMAGE_BUILD
    assert "code: 3 (" in str(error)
    assert "there is no such package)" in str(error)
    assert parts(client, kit) == []


def test_a_base_image_that_cannot_be_had_is_told(kit: DockerKit, client: DockerClient) -> None:
    error = fails(kit.services.submit(kit.spec(base_image="localhost:9/not-there:1")))
    assert error.status is not None
    assert error.status.reason is Reason.IMAGE_PULL
    assert "localhost:9/not-there" in str(error)
    assert parts(client, kit) == []


def test_no_engine_is_told(kit: DockerKit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    service = healthy(kit)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    target = DockerTarget(kit.root, content=kit.content, environments=kit.environments)
    status = target.status(service.record)
    assert (status.state, status.reason) == (ServiceState.UNHEALTHY, Reason.TARGET_UNAVAILABLE)
    with pytest.raises(TargetUnavailableError, match="No Docker engine answers"):
        target.check(kit.spec(name="other"), record=None)
    target.close()
    kit.engine_target.close()  # as in a kernel that was just started
    with pytest.raises(ServiceUnavailableError, match="No Docker engine answers"):
        kit.services.get("svc").run([1])
    monkeypatch.undo()
    assert kit.services.get("svc").run([1]) == [1]


def test_another_workspace_attaches_from_the_labels_alone(
    kit: DockerKit, make_kit: Callable[..., DockerKit], tmp_path: Path, client: DockerClient
) -> None:
    name = f"svc-{kit.label[-8:]}"
    healthy(kit, name=name)
    other = make_kit(tmp_path / "other")
    attached = other.services.attach(name, "docker")
    assert attached.run([1]) == [1]
    assert attached.get_keys() == kit.services.get(name).get_keys()
    attached.regen_key("Primary")
    assert kit.services.get(name).run([2]) == [2]
    attached.delete()
    assert client.containers.list(all=True, filters={"label": f"{SERVICE}={name}"}) == []
    with pytest.raises(ServiceNotFoundError, match="nothing-like-it"):
        other.services.attach("nothing-like-it", "docker")


def test_another_workspace_goes_back_to_what_the_engine_still_has(
    kit: DockerKit, make_kit: Callable[..., DockerKit], tmp_path: Path, client: DockerClient
) -> None:
    name = f"svc-{kit.label[-8:]}"
    script = """
        from mlmagic.scoring import read_secret

        def init():
            pass

        def run(raw_data):
            return ["one", read_secret("token")]
    """
    secrets = {"token": hashlib.sha256(b"hidden").hexdigest()}
    first = kit.spec(script, name=name, secrets=secrets)
    kit.services.submit(first, secrets={"token": b"hidden"}).wait_for_deployment()
    healthy(kit, says("two"), name=name, secrets=secrets)

    attached = make_kit(tmp_path / "other").services.attach(name, "docker")
    assert [each.generation for each in attached.record.revisions] == [1, 2]
    attached.restart()
    assert attached.run("") == "two"
    attached.rollback()
    attached.wait_for_deployment(timeout_sec=SECONDS)
    assert (attached.run(""), attached.serving) == (["one", "hidden"], 3)

    retired = client.containers.list(filters={"label": f"{GENERATION}=2", "status": "exited"})
    (image,) = {each.attrs["Image"] for each in retired if each.labels[SERVICE] == name}
    client.images.remove(image, force=True)
    last = make_kit(tmp_path / "last").services.attach(name, "docker")
    assert [each.generation for each in last.record.revisions] == [3]
    with pytest.raises(ServiceError, match="no revision before"):
        last.rollback()
    last.delete()


def test_a_deployment_that_is_killed_is_told_and_loses_nothing(kit: DockerKit) -> None:
    service = healthy(kit, says("one"))
    with Load(service) as load:
        kit.services.submit(kit.spec(says("two")))
        job = Job(kit.root / "svc")
        until(lambda: (state := job.state()) is not None and state.process is not None)
        state = job.state()
        assert state is not None
        assert state.process is not None
        os.kill(state.process.pid, signal.SIGKILL)
        until(lambda: is_(service, ServiceState.HEALTHY, Reason.UPDATE_FAILED))
        failure = service.failure
        assert failure is not None
        assert failure.reason is Reason.DEPLOY_INTERRUPTED
        again = kit.services.submit(kit.spec(says("two")))
        again.wait_for_deployment(timeout_sec=SECONDS)
        until(lambda: load.answers[-1:] == ["two"])
    assert load.errors == []


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


def test_networks_volumes_and_secrets_reach_the_container(
    kit: DockerKit, client: DockerClient, docker_engine: TestEngine
) -> None:
    script = """
        from mlmagic.scoring import read_secret

        def init():
            pass

        def run(raw_data):
            return [open("/data/told").read(), read_secret("token")]
    """
    nets = [client.networks.create(f"{kit.label}-{end}") for end in "ab"]
    volume = client.volumes.create(f"{kit.label}-data")
    mount = [f"{volume.name}:/data"]
    fill = ["sh", "-c", "printf told > /data/told"]
    client.containers.run(docker_engine.base, fill, volumes=mount, remove=True)
    digest = hashlib.sha256(b"hidden").hexdigest()
    spec = kit.spec(
        script,
        secrets={"token": digest},
        networks=tuple(str(each.name) for each in nets),
        volumes=(f"{volume.name}:/data:ro",),
    )
    try:
        service = kit.services.submit(spec, secrets={"token": b"hidden"})
        assert service.run("") == ["told", "hidden"]
        for container in parts(client, kit):
            assert set(container.attrs["NetworkSettings"]["Networks"]) == {n.name for n in nets}
            assert "hidden" not in str(container.attrs)
        ask = ["python3", "-c", f"import socket; socket.create_connection(('{kit.label}', 5001))"]
        for net in nets:  # by the DNS label; one that does not answer raises
            client.containers.run(docker_engine.base, ask, network=net.name, remove=True)
        service.delete()
    finally:
        volume.remove()
        for net in nets:
            net.remove()


def test_gpus_that_an_engine_has_no_driver_for_are_told(kit: DockerKit) -> None:
    service = healthy(kit)
    error = fails(kit.services.submit(kit.spec(gpus="1")))
    assert error.status is not None
    assert error.status.reason is Reason.INSUFFICIENT_ACCELERATOR
    assert "--gpus" in str(error)
    assert service.run([1]) == [1]  # the revision before answers


def test_an_image_that_is_taken_away_is_made_again(kit: DockerKit, client: DockerClient) -> None:
    service = healthy(kit)
    (revision,) = parts(client, kit, "revision")
    client.images.remove(revision.attrs["Config"]["Image"], force=True)
    assert is_(service, ServiceState.HEALTHY, Reason.READY)
    revision.remove(force=True)
    assert is_(service, ServiceState.FAILED, Reason.CONTAINER_GONE)
    service.start()
    assert service.run([2]) == [2]


def test_containers_can_do_little(kit: DockerKit, client: DockerClient) -> None:
    service = healthy(kit, workers=2, cpu="500m", memory="200Mi")
    assert service.run([1]) == [1]
    for container in parts(client, kit):
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges" in host["SecurityOpt"]
        assert host["LogConfig"]["Config"]["max-file"] == "3"
        assert container.attrs["Config"]["User"] == "10001:0"
        assert not set(service.get_keys()) & {*container.attrs["Config"]["Env"]}
    (revision,) = parts(client, kit, "revision")
    assert revision.attrs["HostConfig"]["Memory"] == 2 * 200 * 2**20
    assert revision.attrs["HostConfig"]["NanoCpus"] == 10**9
    assert revision.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
