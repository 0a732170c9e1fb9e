"""The Kubernetes cluster that the tests use: the one in KUBECONFIG, else a node of our own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
# /run survives no reboot, and neither does a node.
DIRECTORY = Path("/run/mlmagic-test-cluster")
BIN = Path(os.environ.get("CLUSTER_BIN", "/var/cache/mlmagic/kubernetes-bin"))
SECOND = "mlmagic.test/second:NoSchedule"  # the taint of the second node
# Where images for the cluster lie; our own node starts the one on loopback.
REGISTRY = os.environ.get("MLMAGIC_TEST_REGISTRY", "localhost:5000")
PROGRAMS = ("containerd", "runc", "iptables", "conntrack", "ip", "openssl", "docker-registry")


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes:
        kubeconfig: How it is reached, as its administrator.
        directory: Where our own node keeps its state; None for the cluster of somebody else.
    """

    kubeconfig: Path
    directory: Path | None

    @cached_property
    def api(self) -> Any:
        """The client of the administrator."""
        from kubernetes import config

        return config.new_client_from_config(str(self.kubeconfig))

    @cached_property
    def core(self) -> Any:
        """The API of pods, nodes and namespaces."""
        from kubernetes import client

        return client.CoreV1Api(self.api)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create objects as the administrator."""
        from kubernetes import utils

        for each in objects:
            utils.create_from_dict(self.api, each)

    @contextmanager
    def namespace(self, *, alone: bool = False) -> Iterator[str]:
        """Make a namespace that accepts nothing but restricted pods; delete it with what it has.

        Args:
            alone: No other process of the tests has one meanwhile.
        """
        name = f"mlmagic-{uuid.uuid4().hex[:8]}"
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        meta = {"name": name, "labels": labels}
        with _held("namespaces", fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
            self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
            try:
                yield name
            finally:
                self.core.delete_namespace(name, propagation_policy="Background")

    @contextmanager
    def without(self, component: str) -> Iterator[None]:
        """Stop a component of our own node, such as ``kubelet``, for a while."""
        self.end(component)
        try:
            yield
        finally:
            self.begin(component)

    def end(self, component: str) -> None:
        """Kill a component, and wait until it is gone."""
        pid = int(self._file(f"{component}.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        # A zombie's other threads may live on for a moment, and hold its port.
        with suppress(OSError):
            while len([*Path(f"/proc/{pid}/task").iterdir()]) > 1 or _state(pid) != "Z":
                time.sleep(0.05)

    def begin(self, component: str) -> None:
        """Start a component that was stopped."""
        start = "setsid run/$0 >>log/$0.log 2>&1 </dev/null & echo $! >$0.pid"
        subprocess.run(["bash", "-c", start, component], cwd=self._file("."), check=True)

    @contextmanager
    def second_node(self) -> Iterator[str]:
        """Let our own cluster have a second node for a while; `SECOND` keeps other pods off.

        Yields:
            Its name; its components are ``kubelet-2`` and ``containerd-2``.
        """
        folder = self._file(".")
        subprocess.run([HERE / "join", folder], check=True, timeout=300)
        try:
            yield "node-2"
        finally:
            subprocess.run([HERE / "leave", folder], check=True, timeout=120)

    def kubectl(self, *arguments: str) -> None:
        """Run kubectl as the administrator of our own cluster."""
        self._file(".")
        command = [BIN / "kube", "kubectl", "--kubeconfig", self.kubeconfig, *arguments]
        subprocess.run(command, check=True, timeout=300)

    def forget(self) -> None:
        """Let our own node's etcd drop what is older than now, as it does every five minutes."""
        self._file("etcd.pid")
        asked: dict[str, Any] = {"key": "AA=="}
        for verb in ("range", "compaction"):
            answer = requests.post(
                f"http://127.0.0.1:2379/v3/kv/{verb}", data=json.dumps(asked), timeout=30
            )
            answer.raise_for_status()
            asked = {"revision": answer.json()["header"]["revision"]}

    def _file(self, name: str) -> Path:
        if self.directory is None:
            pytest.skip("components are stopped on our own node alone, not on KUBECONFIG's cluster")
        return self.directory / name


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster in KUBECONFIG, else our own node, started once for all tests."""
    given = os.environ.get("KUBECONFIG")
    if given:
        folder = Path(given).parent  # `up` may have made it elsewhere
        yield Cluster(Path(given), folder if (folder / "run" / "apiserver").exists() else None)
        return
    if lacking := _lacking():
        text = f"no Kubernetes: KUBECONFIG is not set, and our own node lacks {lacking}"
        if "kubernetes" in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
            pytest.fail(text)
        pytest.skip(text)
    of_tests = DIRECTORY / "of-tests"  # whoever uses it last ends it
    with _held("users", fcntl.LOCK_SH) as users:
        with _held("start", fcntl.LOCK_EX):
            ours = of_tests.exists() or not DIRECTORY.exists()
            ran = subprocess.run(
                [HERE / "up", DIRECTORY], check=False, capture_output=True, text=True, timeout=900
            )
            if ran.returncode:
                pytest.fail(f"our own Kubernetes node did not start:\n{ran.stdout}{ran.stderr}")
            if ours:
                of_tests.touch()
        yield Cluster(Path(ran.stdout.split()[-1]), DIRECTORY)
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if ours:
                subprocess.run([HERE / "down", DIRECTORY], check=True, timeout=120)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    with cluster.namespace() as name:
        yield name


@contextmanager
def _held(what: str, how: int) -> Iterator[IO[str]]:
    """Hold a lock that the processes of the tests (``-n 2``) share."""
    with (Path(tempfile.gettempdir()) / f"mlmagic-test-cluster.{what}").open("w") as file:
        fcntl.flock(file, how)
        yield file


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _lacking() -> str:
    """Say what keeps our own node from starting; empty where nothing does."""
    if os.geteuid() != 0:
        return "root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not Path("/usr/lib/cni/bridge").exists():
        missing.append("containernetworking-plugins")
    if not (BIN / "metrics-server").exists():
        missing.append("its programs (tests/cluster/build)")
    return ", ".join(missing)
