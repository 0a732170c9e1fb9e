"""Engines that are reached by other ways than the default socket."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import docker
import pytest
from docker.types import Mount

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import ConfigurationError, DeploymentFailedError, TargetUnavailableError
from mlmagic.images import Engine, Images, connect
from mlmagic.images.housekeeping import prune_images
from mlmagic.targets.docker.labels import owner_of
from mlmagic.testing.contract import SECONDS, until
from tests.engine.fixtures import lacking, left_open
from tests.engine.registry import make_certificate
from tests.images import disk_bases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.environments import Environments
    from tests.docker.conftest import DockerKit
    from tests.engine.fixtures import TestEngine
    from tests.engine.private import PrivateEngine

pytestmark = pytest.mark.docker
# On loopback, but not what a program takes for "this machine".
ELSEWHERE = "127.0.0.2"
ENGINE = "/var/run/docker.sock"
ROOT = Path(__file__).parents[2]


class Relay(socketserver.BaseRequestHandler):
    """Hands bytes on between a client and the engine's socket."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            back = threading.Thread(target=_copy, args=(engine, self.request))
            back.start()
            _copy(self.request, engine)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def by_tcp(host: str = ELSEWHERE, security: ssl.SSLContext | None = None) -> Iterator[str]:
    """Let the engine be reached by TCP; gives its address."""
    with socketserver.ThreadingTCPServer((host, 0), Relay) as server:
        if security is not None:
            server.socket = security.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://{host}:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@contextmanager
def by_ssh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the engine's host be reached by ssh; gives the engine's address."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if program is None:
        lacking("no ssh server: apt install openssh-server")
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    with closing(socket.create_server((ELSEWHERE, 0))) as probe:
        port = probe.getsockname()[1]
    # The test's own lines of configuration, as ~/.ssh/config would hold them.
    client = folder / "config"
    client.write_text(
        f"Host *\n IdentityFile {folder}/user\n UserKnownHostsFile {folder}/known\n"
        " StrictHostKeyChecking no\n LogLevel ERROR\n"
    )
    wrapper = folder / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {client} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=":")
    server = folder / "sshd"
    server.write_text(
        f"ListenAddress {ELSEWHERE}:{port}\nHostKey {folder}/host\nUsePAM no\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nMaxStartups 100\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    running = subprocess.Popen([program, "-D", "-e", "-f", server], stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            with suppress(OSError), closing(socket.create_connection((ELSEWHERE, port))):
                break
            time.sleep(0.1)
        yield f"ssh://root@{ELSEWHERE}:{port}"
    finally:
        running.terminate()
        running.wait()


def cut_tunnels() -> None:
    """End each ssh that this process has started, as the end of its host would."""
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            if b"ExitOnForwardFailure" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)


def run_docker(*arguments: str) -> None:
    """Run Docker's own command line."""
    subprocess.run(["docker", *arguments], check=True, capture_output=True)


@pytest.fixture
def no_context(docker_engine: TestEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A configuration of Docker that says nothing; gives its folder."""
    del docker_engine
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


@left_open
@pytest.mark.parametrize("way", ["DOCKER_HOST and tcp", "a context and ssh"])
def test_an_engine_elsewhere_serves_at_its_host(
    way: str,
    make_kit: Callable[..., DockerKit],
    no_context: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        if way.endswith("tcp"):
            monkeypatch.setenv("DOCKER_HOST", stack.enter_context(by_tcp()))
        else:
            address = stack.enter_context(by_ssh(no_context, monkeypatch))
            run_docker("context", "create", "far", "--docker", f"host={address}")
            run_docker("context", "use", "far")
        kit = make_kit(tmp_path / "kit")
        with pytest.raises(ConfigurationError, match=f"'{ELSEWHERE}'.*--address 0.0.0.0"):
            kit.services.submit(kit.spec())
        service = kit.services.submit(kit.spec(address="0.0.0.0"))
        service.wait_for_deployment(timeout_sec=SECONDS)
        uri = service.scoring_uri
        assert uri is not None
        assert uri.startswith(f"http://{ELSEWHERE}:")
        assert service.run([1, 2]) == [1, 2]
        cut_tunnels()
        until(lambda: service.state is ServiceState.HEALTHY)
        service.delete()
        kit.engine_target.close()


IN_A_CONTAINER = """
import sys
from urllib.request import urlopen

from mlmagic.entities import DockerDeploymentConfig
from mlmagic.errors import ConfigurationError
from mlmagic.targets.docker.checking import check
from mlmagic.targets.docker.connection import Connection
from mlmagic.targets.docker.observing import observe
from mlmagic.targets.docker.parts import ServiceParts

connection = Connection()
name, owner, notebook = sys.argv[1:]
parts = ServiceParts(connection.client, name, owner)
try:
    check(parts, DockerDeploymentConfig(), host=connection.host)
except ConfigurationError as error:
    print(error)
if connection.host == "":
    api = connection.client.api
    api.disconnect_container_from_network(notebook, "none")
    api.connect_container_to_network(notebook, "bridge")
uri = observe(parts, host=connection.host).base_uri
print(f"{uri} {urlopen(uri).status}")
"""


def test_from_a_container_of_the_engine_a_service_is_reached_at_the_engines_host(
    kit: DockerKit, docker_engine: TestEngine
) -> None:
    kit.services.submit(kit.spec(address="0.0.0.0")).wait_for_deployment(timeout_sec=SECONDS)
    packages = Path(docker.__file__).parents[1]
    mounts = [Mount(ENGINE, ENGINE, type="bind")]
    mounts += [
        Mount(str(each), str(each), type="bind", read_only=True) for each in (ROOT, packages)
    ]

    notebook = f"{kit.label}-notebook"

    def ask(**options: str) -> str:
        return docker_engine.client.containers.run(
            docker_engine.base,
            ["python3", "-c", IN_A_CONTAINER, "svc", owner_of(kit.root), notebook],
            environment={"PYTHONPATH": f"{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"},
            name=notebook,
            hostname="notebook",
            mounts=mounts,
            remove=True,
            **options,
        ).decode()

    *refused, answered = ask().splitlines()
    host = urlsplit(answered).hostname
    assert answered.endswith(" 200")
    assert f"The engine is on host '{host}'" in refused[0]
    assert "--address 0.0.0.0" in refused[0]
    answered = ask(network_mode="host").splitlines()[-1]
    assert urlsplit(answered).hostname == "127.0.0.1"
    assert answered.endswith(" 200")
    refused, answered = ask(network_mode="none").splitlines()
    assert "docker network connect bridge" in refused
    assert answered.endswith(" 200")  # it was done meanwhile


def test_without_a_folder_proc_the_engine_is_on_this_machine(docker_engine: TestEngine) -> None:
    del docker_engine
    ask = "from mlmagic.targets.docker.connection import Connection; print(Connection().host)"
    emptied = ("unshare", "-r", "-m", "sh", "-c", 'mount -t tmpfs none /proc; exec "$@"', "sh")
    told = subprocess.run(
        [*emptied, sys.executable, "-c", ask], check=True, capture_output=True, text=True
    )
    assert told.stdout == "None\n"


def test_an_engine_behind_tls_is_used_where_its_authority_is_known(
    no_context: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    security = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate / "ca.crt")
    security.verify_mode = ssl.CERT_REQUIRED
    security.load_cert_chain(certificate / "server.crt", certificate / "server.key")
    for ours, theirs in (
        ("ca.pem", "ca.crt"),
        ("cert.pem", "server.crt"),
        ("key.pem", "server.key"),
    ):
        shutil.copy(certificate / theirs, no_context / ours)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(no_context))
    with by_tcp("127.0.0.1", security) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        with closing(connect()) as client:
            assert client.version()["Os"] == "linux"
        other = make_certificate(no_context / "other")
        shutil.copy(other / "ca.crt", no_context / "ca.pem")
        with pytest.raises(TargetUnavailableError, match=r"certificate verify failed: self-signed"):
            connect()


def test_a_host_that_ssh_does_not_reach_is_told(
    no_context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with by_ssh(no_context, monkeypatch) as address:
        pass
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(TargetUnavailableError, match=r"not reached by ssh: .*refused"):
        connect()


def test_a_context_that_is_not_there_is_told(
    no_context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no_context
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    with pytest.raises(ConfigurationError, match="no Docker context 'nowhere'"):
        connect()


def test_a_socket_that_may_not_be_used_is_told(no_context: Path) -> None:
    del no_context
    if os.geteuid() != 0:
        lacking("becoming another user needs root")
    connect().close()
    os.seteuid(65534)
    try:
        with pytest.raises(TargetUnavailableError, match="used: permission denied") as caught:
            connect()
    finally:
        os.seteuid(0)
    assert "Join the group 'docker'" in (caught.value.hint or "")


@left_open
def test_an_engine_that_dies_under_a_deployment_is_told_and_has_nothing_of_it(
    make_engine: Callable[..., PrivateEngine],
    make_kit: Callable[..., DockerKit],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    private = make_engine()
    data = disk_bases.tar({disk_bases.PROGRAM: b""})
    private.client().api.import_image_from_data(data, "base", "1")
    monkeypatch.setenv("DOCKER_HOST", private.url)
    kit = make_kit(tmp_path)
    service = kit.services.submit(kit.spec(base_image="base:1"))
    private.kill_as_it_takes_an_image()
    until(lambda: service.status.reason is Reason.TARGET_UNAVAILABLE, seconds=SECONDS)
    private.start()
    until(lambda: service.state is ServiceState.FAILED, seconds=SECONDS)
    assert service.status.reason is Reason.TARGET_UNAVAILABLE
    assert "No Docker engine answers" in service.status.message
    assert [tag for each in private.client().images.list(all=True) for tag in each.tags] == [
        "base:1"
    ]
    assert private.client().containers.list(all=True) == []
    service.delete()


@left_open
def test_an_engine_that_dies_as_it_builds_a_base_ends_the_wait_and_keeps_nothing_of_it(
    make_engine: Callable[..., PrivateEngine],
    make_kit: Callable[..., DockerKit],
    docker_engine: TestEngine,
    environments: Environments,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    private = make_engine()
    base = docker_engine.client.images.get(docker_engine.base)
    private.client().api.load_image(base.save(named=docker_engine.base))
    monkeypatch.setenv("DOCKER_HOST", private.url)
    kit = make_kit(tmp_path)
    lines = "RUN echo made > /etc/made\nRUN sleep 600"
    service = kit.services.submit(kit.spec(base_dockerfile=lines))
    until(lambda: "sleep" in str([each.attrs for each in private.client().containers.list()]))
    private.cut_power()
    with pytest.raises(DeploymentFailedError, match=r"is Failed \(TargetUnavailable\)") as caught:
        service.wait_for_deployment(timeout_sec=SECONDS)
    assert caught.value.status is not None
    assert caught.value.status.reason is Reason.TARGET_UNAVAILABLE
    private.start()
    until(lambda: service.state is ServiceState.FAILED)
    assert service.status.reason is Reason.TARGET_UNAVAILABLE

    images = Images(environments.cache, content=kit.content, environments=environments)
    prune_images(images, Engine(private.client()), used=())
    assert private.client().containers.list(all=True) == []
    assert [each.tags for each in private.client().images.list(all=True)] == [[docker_engine.base]]
    service.delete()
