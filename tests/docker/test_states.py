"""Each state of a service on an engine, provoked for real."""

from __future__ import annotations

import hashlib
import random
import re
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import (
    ConfigurationError,
    ServiceError,
    ServiceNotFoundError,
    ServiceUnavailableError,
    TargetError,
    TargetUnavailableError,
)
from mlmagic.files import read_record
from mlmagic.images.images import host_architecture
from mlmagic.targets.docker import DockerTarget, deployment, fronts
from mlmagic.targets.docker.labels import GENERATION, REVISION, SERVICE, owner_of
from mlmagic.targets.jobs import Job
from mlmagic.testing.contract import SECONDS, says, until
from tests.docker.seen import fails, healthy, is_, parts
from tests.images import disk_bases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docker import DockerClient

    from tests.docker.conftest import DockerKit
    from tests.engine.fixtures import TestEngine

pytestmark = pytest.mark.docker

SEED = 1

CRASHING = """
    import os
    from pathlib import Path

    broken = Path("/data/broken")

    def init():
        if broken.exists():
            raise ValueError("the data is broken")

    def run(raw_data):
        if raw_data == "break":
            broken.touch()
        if raw_data != "who":
            os.kill(os.getpid(), 11) or os._exit(7)
        return "alive"
"""


def test_what_others_do_to_its_containers_is_told_and_start_mends_it(
    kit: DockerKit, client: DockerClient
) -> None:
    service = healthy(kit, restart="always")
    address = service.internal_uri
    (revision,) = parts(client, kit, "revision")
    (front,) = parts(client, kit, "front")

    front.restart()  # its server takes the new socket
    until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))
    assert service.run([1]) == [1]

    revision.pause()
    until(lambda: is_(service, ServiceState.UNHEALTHY, Reason.NOT_ANSWERING))
    assert "is paused" in service.status.message
    probe = front.attrs["Config"]["Healthcheck"]["Test"][1:]  # `docker ps` says unhealthy by it
    assert front.exec_run(probe).exit_code == 1
    revision.unpause()
    until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))

    revision.stop()
    until(lambda: is_(service, ServiceState.UNHEALTHY, Reason.STOPPED))
    assert service.status.next_step == "%ml service start svc"
    service.start()
    assert service.run([2]) == [2]

    service.stop()
    for each in (revision, front):
        each.reload()
        assert each.attrs["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert is_(service, ServiceState.UNHEALTHY, Reason.STOPPED)
    for each in (revision, front):
        each.start()
    until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))
    service.start()
    for each in (revision, front):
        each.reload()
        assert each.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"

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


def test_a_server_that_crashes_comes_back_and_one_that_cannot_is_a_crash_loop(
    kit: DockerKit, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)  # the server's user is another
    service = healthy(kit, CRASHING, restart="on-failure", volumes=(f"{data}:/data",))
    with pytest.raises(ServiceUnavailableError):
        service.run("crash", timeout=3)
    until(lambda: bool(service.status.replicas) and service.status.replicas[0].restarts == 1)
    until(lambda: is_(service, ServiceState.HEALTHY, Reason.READY))
    assert service.run("who") == "alive"

    with pytest.raises(ServiceUnavailableError):
        service.run("break", timeout=3)
    until(lambda: is_(service, ServiceState.FAILED, Reason.CRASH_LOOP))
    seen = [service.status]
    while not any(replica.restarts > 5 for replica in seen[-1].replicas):
        seen.append(service.status)  # between two of its lives it is no less broken
    assert {(each.state, each.reason) for each in seen} == {("Failed", "CrashLoop")}
    told = [each.traceback for each in seen if "the data is broken" in each.message]
    assert "score.py" in min(told)
    (data / "broken").unlink()
    service.restart()
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
    service = kit.services.submit(kit.spec(script, memory="100Mi"))
    error = fails(service)
    assert error.status is not None
    assert error.status.reason is Reason.OUT_OF_MEMORY
    assert "--memory" in str(error)
    told = "\n".join(service.events())
    assert "  Warning  Die  container/" in told
    assert "it ended with exit code 137" in told

    later = script.replace("init()", "fill()").replace("return 1", "fill()")
    later += "    def init(): pass"
    service = healthy(kit, later, memory="100Mi", restart="no")
    with pytest.raises(Exception, match="svc"):
        service.run("", timeout=10)
    until(lambda: is_(service, ServiceState.FAILED, Reason.OUT_OF_MEMORY))


def test_an_init_that_does_not_end_is_told(
    make_kit: Callable[..., DockerKit], tmp_path: Path
) -> None:
    kit = make_kit(tmp_path, start_timeout_seconds=3)
    error = fails(kit.services.submit(kit.spec(says("").replace("pass", "time.sleep(600)"))))
    assert error.status is not None
    assert error.status.reason is Reason.INIT_TIMEOUT
    assert "did not end within 3 s" in str(error)


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
    first = fronts.some_ports()[0]
    with socket.create_server(("127.0.0.1", first)):
        random.seed(SEED)
        assert deployment.run(kit.root / "svc") == 0
    assert kit.services.get("svc").run([1]) == [1]


def test_a_deployment_without_a_container_leaves_no_image(
    kit: DockerKit, client: DockerClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    service = healthy(kit, says(kit.label), port=port)
    for container in parts(client, kit):
        container.remove(force=True)
    made = {"label": f"io.mlmagic.spec={service.record.spec.digest}"}
    assert client.images.list(filters=made)
    with socket.create_server(("127.0.0.1", port)):
        assert deployment.run(kit.root / "svc") != 0
    assert not client.images.list(filters=made)


def test_what_an_engine_cannot_give_is_refused(kit: DockerKit, client: DockerClient) -> None:
    service = kit.services.submit(kit.spec(memory="90000Gi"))
    assert is_(service, ServiceState.UNSCHEDULABLE, Reason.INSUFFICIENT_MEMORY)
    assert "the engine's host has" in service.status.message
    with pytest.raises(ConfigurationError, match="no network 'not-there'"):
        kit.services.submit(kit.spec(name="other", networks=("not-there",)))
    for network in ("host", "none"):
        with pytest.raises(ConfigurationError, match=f"network '{network}'.* publishes no port"):
            kit.services.submit(kit.spec(name="other", networks=(network,)))
    on_the_bridge = {"parent": "docker0"}
    for kind, options in (
        ("internal", {"internal": True}),
        ("of the driver 'macvlan'", {"driver": "macvlan", "options": on_the_bridge}),
        ("of the driver 'ipvlan'", {"driver": "ipvlan", "options": on_the_bridge}),
    ):
        closed = client.networks.create(f"{kit.label}-closed", **options)
        try:
            with pytest.raises(ConfigurationError, match=f"is {kind}.*--network bridge"):
                kit.services.submit(kit.spec(name="other", networks=(f"{closed.name}",)))
        finally:
            closed.remove()
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

    healthy(kit)
    again = kit.services.submit(kit.spec(base_dockerfile=lines))
    fails(again)
    told = [line for line in again.log_lines(50) if line.startswith("deployment of revision 3: ")]
    assert any("there is no such package" in line for line in told)
    assert "Ready:" in again.get_logs()


@pytest.mark.parametrize("base", ["localhost:9/not-there:1", "for another processor"])
def test_a_base_image_that_cannot_be_had_is_told(
    kit: DockerKit, client: DockerClient, tmp_path: Path, base: str
) -> None:
    if base.startswith("for"):
        other = ({"amd64", "arm64"} - {host_architecture()}).pop()
        base = disk_bases.write(tmp_path, "oci", architecture=other)
    service = kit.services.submit(kit.spec(base_image=base))
    error = fails(service)
    assert error.status is not None
    assert "  Warning  ImagePullFailed  revision/1  " in service.events()[-1]
    assert error.status.reason is Reason.IMAGE_PULL
    assert base in str(error)
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


def test_of_two_services_of_a_name_the_one_that_is_meant_is_attached(
    kit: DockerKit, make_kit: Callable[..., DockerKit], tmp_path: Path
) -> None:
    name = f"svc-{kit.label[-8:]}"
    there = make_kit(tmp_path / "there")
    one, other = f"{kit.label}-one", f"{kit.label}-other"
    healthy(kit, says("one"), name=name, dns_name_label=one)
    healthy(there, says("other"), name=name, dns_name_label=other)
    services = make_kit(tmp_path / "last").services
    with pytest.raises(TargetError, match=f"2 workspaces .*'{one}' and '{other}'"):
        services.attach(name, "docker")
    with pytest.raises(ServiceNotFoundError, match="in a container 'another'"):
        services.attach(name, "docker", label="another")
    assert services.attach(name, "docker", label=other).run("") == "other"


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


def test_an_image_with_the_server_of_another_version_is_deployed_as_that_knows(
    kit: DockerKit, client: DockerClient
) -> None:
    service = healthy(kit, says("one"))
    (first,) = parts(client, kit, REVISION)
    older = client.api.commit(first.id, changes=["LABEL io.mlmagic.runtime=older"])["Id"]
    folder = kit.root / "svc"
    work = replace(read_record(folder / "work.json", deployment.Work), image=older)
    job = Job(folder)
    job.start(1, deployment.command(folder, work))
    until(lambda: bool((state := job.state()) and state.is_over), seconds=SECONDS)
    made = parts(client, kit, REVISION)[0]  # the newest comes first
    assert "--accept-when-ready" in made.attrs["Args"]
    assert "--serving-file" not in made.attrs["Args"]
    assert is_(service, ServiceState.HEALTHY, Reason.READY)
    assert service.run("") == "one"


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


def test_gpus_that_an_engine_has_no_driver_for_are_told(
    kit: DockerKit, client: DockerClient
) -> None:
    service = healthy(kit)
    (front,) = parts(client, kit, "front")
    assert front.exec_run(front.attrs["Config"]["Healthcheck"]["Test"][1:]).exit_code == 0
    error = fails(kit.services.submit(kit.spec(gpus="1")))
    assert error.status is not None
    assert error.status.reason is Reason.INSUFFICIENT_ACCELERATOR
    assert "--gpus" in str(error)
    asked = [each.attrs["HostConfig"]["DeviceRequests"] for each in parts(client, kit, "revision")]
    (wanted,) = next(filter(None, asked))
    assert (wanted["Count"], wanted["Capabilities"]) == (1, [["gpu"]])
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
    (level,) = {each.attrs["HostConfig"]["SecurityOpt"][1] for each in parts(client, kit)}
    assert re.fullmatch(r"label=level:s0:c\d+,c\d+", level)  # they share the socket with SELinux
    (revision,) = parts(client, kit, "revision")
    assert revision.attrs["HostConfig"]["Memory"] == 2 * 200 * 2**20
    assert revision.attrs["HostConfig"]["NanoCpus"] == 10**9
    assert revision.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
