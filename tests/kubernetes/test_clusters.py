"""Ways to a cluster: from inside it, without a registry, with credentials that end."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import uuid
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client

from mlmagic import Workspace
from mlmagic.errors import (
    ConfigurationError,
    ImagePushError,
    TargetError,
    TargetNotFoundError,
    TargetUnavailableError,
)
from mlmagic.targets.kubernetes.connection import Connection, Place, connect
from mlmagic.targets.kubernetes.local_clusters import Loader, create_cluster, loader_of
from mlmagic.targets.kubernetes.permissions import rules
from mlmagic.targets.kubernetes.watching import Mirror
from mlmagic.testing.contract import SECONDS, until
from tests.kubernetes.conftest import REGISTRY, grant

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster

pytestmark = pytest.mark.kubernetes
SCORE = "def init():\n    pass\n\ndef run(raw_data):\n    return raw_data\n"
# What kind 0.30 said where it reached no registry.
IMAGE = "kindest/node:v1.34.0"
KIND = f"""\
Creating cluster "dev" ...
 • Ensuring node image ({IMAGE}) 🖼  ...
 ✗ Ensuring node image ({IMAGE}) 🖼
ERROR: failed to create cluster: failed to pull image "{IMAGE}": exit status 1

Command Output: Error response from daemon: lookup docker.io: no such host
"""
# What kind 0.33 said of an API server that does not start; shortened.
KUBEADM = """\
ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1

Command Output: I1127 01:57:31.066353     117 initconfiguration.go:260] loading configuration
[control-plane-check] kube-apiserver is not healthy after 4m0.000181873s
\t- 'crictl --runtime-endpoint unix:///run/containerd/containerd.sock logs CONTAINERID'

error: error execution phase wait-control-plane: kube-apiserver check failed
k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).Run.func1
\truntime/asm_amd64.s:1771
"""
MINIKUBE = "* minikube v1.36.0\nX Exiting due to DRV_NOT_DETECTED: No driver.\n* advice\n"
# What k3d 5 said where it reached no registry; the third line is shortened.
K3D = """\
\x1b[36mINFO\x1b[0m[0000] Prep: Network
\x1b[31mERRO\x1b[0m[0000] Failed to run tools container for cluster 'dev'
\x1b[31mERRO\x1b[0m[0001] failed Cluster Creation: docker failed to pull image 'k3s': no such host
\x1b[31mFATA\x1b[0m[0001] Cluster creation FAILED, also FAILED to rollback changes!
"""
K3D_TOLD = (
    "Failed to run tools container for cluster 'dev'; failed Cluster Creation: docker failed to "
    "pull image 'k3s': no such host; Cluster creation FAILED, also FAILED to rollback changes!"
)
DEPLOY = """
cd {folder} && export HOME={home} MLMAGIC_CACHE_DIR={cache} MLMAGIC_BASE_IMAGE={base} KUBECONFIG= &&
{python} -P -m mlmagic deploy inner-svc --script score.py --environment minimal \
  --target kubernetes --image-registry {registry} &&
{python} -P -m mlmagic service run inner-svc --data '[1, 2]' &&
{python} -P -m mlmagic service show inner-svc
"""


def test_a_pod_deploys_by_its_service_account(
    cluster: Cluster, namespace: str, base_image: str, shared_cache: Path, tmp_path: Path
) -> None:
    """The pod sees this machine's files; who it is and where, the cluster alone tells it."""
    if cluster.directory is None:
        pytest.skip("the files of this machine are on our own node alone")
    (tmp_path / "score.py").write_text(SCORE)
    grant(cluster, namespace, rules(namespace))
    command = DEPLOY.format(
        folder=tmp_path,
        cache=shared_cache,
        base=base_image,
        home=Path.home(),
        python=sys.executable,
        registry=REGISTRY,
    )
    places = [
        place
        for place in Path("/").iterdir()
        if place.is_dir()
        and not place.is_symlink()
        and place.name not in ("proc", "sys", "dev", "run", "var", "lost+found")
    ]
    container = {
        "name": "notebook",
        "image": base_image,
        "command": ["bash", "-ec", command],
        # How this machine reaches the package index, and the code that is tested.
        "env": [
            {"name": name, "value": value}
            for name, value in os.environ.items()
            if name.lower().startswith(("uv_", "pip_", "ssl_", "http", "no_proxy", "pythonpath"))
        ],
        "volumeMounts": [{"name": f"v{n}", "mountPath": f"{p}"} for n, p in enumerate(places)],
    }
    core = cluster.core
    # The rules of the namespace forbid such a pod; services in it are as restricted as ever.
    core.patch_namespace(
        namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    )
    core.create_namespaced_pod(
        namespace,
        {
            "metadata": {"name": "notebook"},
            "spec": {
                "serviceAccountName": "mlmagic",
                "hostNetwork": True,
                "restartPolicy": "Never",
                "containers": [container],
                "volumes": [
                    {"name": f"v{n}", "hostPath": {"path": f"{p}"}} for n, p in enumerate(places)
                ],
            },
        },
    )

    def ended() -> bool:
        phase = core.read_namespaced_pod("notebook", namespace).status.phase
        return phase in ("Succeeded", "Failed")

    until(ended, seconds=SECONDS)
    told = core.read_namespaced_pod_log("notebook", namespace)
    assert core.read_namespaced_pod("notebook", namespace).status.phase == "Succeeded", told
    assert "[1, 2]" in told
    assert "Service of the cluster" in told
    assert "inner-svc  Healthy" in told


def renamed(cluster: Cluster, file: Path, context: str, user: dict[str, Any] | None = None) -> Path:
    """Write the kubeconfig with another context, and for another user."""
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    (entry,) = content["clusters"]
    (known,) = content["users"]
    chosen = {"name": "other", "user": user} if user else known
    content["users"] = [chosen]
    of = {"cluster": entry["name"], "user": chosen["name"]}
    content["contexts"] = [{"name": context, "context": of}]
    content["current-context"] = context
    file.write_text(yaml.safe_dump(content))
    return file


def test_a_cluster_of_kind_is_given_images_by_kind(
    kit: ServiceKit,
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program of that name hands the archive to the node's runtime, as kind does."""
    if cluster.directory is None:
        pytest.skip("images are handed to our own node alone")
    target: Any = kit.services.target(kit.services.submit(kit.spec()).record)
    kit.services.get("svc").delete()
    place = Place(
        kubeconfig=str(renamed(cluster, tmp_path / "config", "kind-dev")),
        namespace=target.connection.namespace,
    )
    target.close()
    target._place, target._registry = place, None
    target._opened.clear()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ConfigurationError, match="'kind', which loads images"):
        kit.services.submit(kit.spec())
    monkeypatch.undo()
    program = tmp_path / "bin" / "kind"
    program.parent.mkdir()
    socket = cluster.directory / "containerd.sock"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" > {tmp_path}/words\n'
        f'exec ctr --address {socket} --namespace k8s.io images import "$3"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{Path(shutil.which('ctr') or '').parent}:/bin")
    service = kit.services.submit(kit.spec())
    assert service.run([1]) == [1]
    words = (tmp_path / "words").read_text().split()
    assert (words[:2], words[3:]) == (["load", "image-archive"], ["--name", "dev"])
    (container,) = target.connection.get("Deployment", "svc")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"].startswith("mlmagic.local/svc:")


@pytest.mark.parametrize(
    ("context", "extension", "expected"),
    [
        ("kind-dev", None, Loader(program="kind", cluster="dev")),
        ("k3d-dev", None, Loader(program="k3d", cluster="dev")),
        ("docker-desktop", None, Loader(program="docker", cluster="docker-desktop")),
        ("dev", "minikube.sigs.k8s.io", Loader(program="minikube", cluster="dev")),
        ("prod", None, None),
    ],
)
def test_the_context_tells_what_loads_images(
    tmp_path: Path, context: str, extension: str | None, expected: Loader | None
) -> None:
    about: dict[str, Any] = {"cluster": "c", "user": "u"}
    if extension:
        about["extensions"] = [{"name": "context_info", "extension": {"provider": extension}}]
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": context, "context": about}],
        "current-context": context,
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(content))
    assert loader_of(Place(kubeconfig=str(file))) == expected


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts a script in the place of kind, minikube or k3d, alone on PATH.

    None of them is what is tested: the script writes down how it was called, then does as told.
    """

    def put(program: str, then: str = "") -> Path:
        file = tmp_path / "bin" / program
        file.parent.mkdir()
        file.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\n{then}\n')
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}")
        return tmp_path / "words"

    return put


@pytest.mark.parametrize(
    ("program", "words", "context"),
    [
        ("kind", "create cluster --name dev\n", "kind-dev"),
        ("minikube", "start --profile dev\n", "dev"),
        ("k3d", "cluster create dev\n", "k3d-dev"),
    ],
)
def test_a_cluster_is_made_by_what_is_installed(
    stand_in: Callable[..., Path], program: str, words: str, context: str
) -> None:
    called = stand_in(program)
    assert create_cluster("dev") == (program, context)
    assert called.read_text() == words
    other = "k3d" if program == "kind" else "kind"
    with pytest.raises(ConfigurationError, match=f"'{other}' is not installed"):
        create_cluster("dev", provider=other)


@pytest.mark.parametrize(
    ("program", "said", "told", "left"),
    [
        (
            "kind",
            KIND,
            (
                f'ERROR: failed to create cluster: failed to pull image "{IMAGE}": exit status 1; '
                "Command Output: Error response from daemon: lookup docker.io: no such host"
            ),
            "kind delete cluster --name dev",
        ),
        (
            "kind",
            KUBEADM,
            (
                "ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1; "
                "error: error execution phase wait-control-plane: kube-apiserver check failed"
            ),
            "kind delete cluster --name dev",
        ),
        ("minikube", MINIKUBE, "X Exiting due to DRV_NOT_DETECTED: No driver", "--profile dev"),
        ("k3d", K3D, K3D_TOLD, "k3d cluster delete dev"),
        ("kind", "", "exit code 3", "kind delete cluster --name dev"),
    ],
)
def test_what_a_program_says_against_a_cluster_is_passed_on(
    stand_in: Callable[..., Path], program: str, said: str, told: str, left: str
) -> None:
    stand_in(program, f"printf %s {shlex.quote(said)} >&2\nexit 3")
    with pytest.raises(TargetError) as caught:
        create_cluster("dev")
    assert caught.value.message == f"'{program}' could not make the cluster 'dev': {told}."
    assert left in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("program", "then", "words", "told"),
    [
        ("kind", "", "load image-archive FILE --name dev\n", ""),
        ("k3d", "", "image import FILE --cluster dev --mode direct\n", ""),
        (
            "k3d",
            "echo 'ERRO[0001] Failed to import image(s)' >&2; exit 1",
            "image import FILE --cluster dev --mode direct\n",
            "'k3d' could not load the image into 'dev': Failed to import image(s).",
        ),
        (
            "minikube",
            "printf 'mlmagic.local/other:1\\nmlmagic.local/svc:1\\n'",
            "image load FILE --profile dev\nimage ls --profile dev\n",
            "",
        ),
        # So it is where its node is stopped: exit code 0, and nothing done.
        (
            "minikube",
            "echo mlmagic.local/svc:12",
            "image load FILE --profile dev\nimage ls --profile dev\n",
            "'minikube' could not load the image into 'dev': the image is not in the cluster",
        ),
    ],
)
def test_an_image_is_loaded_or_it_is_told(
    stand_in: Callable[..., Path], tmp_path: Path, program: str, then: str, words: str, told: str
) -> None:
    called = stand_in(program, then)
    file = tmp_path / "image.tar"
    loader = Loader(program=program, cluster="dev")
    with pytest.raises(ImagePushError) if told else nullcontext() as caught:
        loader.load_archive(file, "mlmagic.local/svc:1")
    assert called.read_text() == words.replace("FILE", str(file))
    assert caught is None or caught.value.message.startswith(told)


def test_a_cluster_that_was_made_is_attached_with_its_namespace_and_deleted(
    cluster: Cluster,
    stand_in: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stands for kind only writes the context, of the cluster that runs."""
    written = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(written))
    config = renamed(cluster, tmp_path / "config", "kind-try-out")
    then = f"[ ! -e {tmp_path}/ready ] || /bin/cp {config} {written}"
    fails = f"[ ! -e {tmp_path}/fails ] || {{ echo no engine >&2; exit 1; }}"
    words = stand_in("kind", f"{then}\n{fails}")
    workspace = Workspace.create(tmp_path / "workspace")
    with pytest.raises(ConfigurationError, match="'Bad_NS' is no namespace"):
        workspace.create_compute_target("kubernetes", "try-out", namespace="Bad_NS")
    assert not words.exists()  # a cluster takes minutes
    with pytest.raises(TargetError, match="'kind' made the cluster 'try-out', but it") as caught:
        workspace.create_compute_target("kubernetes", "try-out")
    assert "kind delete cluster --name try-out" in (caught.value.hint or "")
    assert "try-out" not in [target.name for target in workspace.list_compute_targets()]

    (tmp_path / "ready").touch()
    name = f"mlmagic-{uuid.uuid4().hex[:8]}"
    made = workspace.create_compute_target("kubernetes", "try-out", namespace=name)
    try:
        assert (made.provider, made.context, made.namespace) == ("kind", "kind-try-out", name)
        assert workspace.show_compute_target("try-out") == made
        called = words.read_text()
        with pytest.raises(ConfigurationError, match="'try-out' is there already"):
            workspace.create_compute_target("kubernetes", "try-out")
        assert words.read_text() == called
    finally:
        cluster.core.delete_namespace(name)

    (tmp_path / "fails").touch()
    with pytest.raises(TargetError, match="could not remove the cluster 'try-out': no engine"):
        workspace.delete_compute_target("try-out")
    assert workspace.show_compute_target("try-out") == made
    (tmp_path / "fails").unlink()
    workspace.delete_compute_target("try-out")
    assert words.read_text().endswith("delete cluster --name try-out\n")
    with pytest.raises(TargetNotFoundError):
        workspace.show_compute_target("try-out")


def test_a_cluster_that_was_attached_is_not_deleted(
    cluster: Cluster, tmp_path: Path, namespace: str
) -> None:
    workspace = Workspace.create(tmp_path / "workspace")
    workspace.attach_compute_target(
        "kubernetes", "prod", kubeconfig=str(cluster.kubeconfig), namespace=namespace
    )
    with pytest.raises(TargetError, match="'prod' was attached, so its cluster stays") as caught:
        workspace.delete_compute_target("prod")
    assert "computetarget detach prod" in (caught.value.hint or "")
    assert workspace.show_compute_target("prod").name == "prod"


def test_credentials_that_end_are_told_and_new_ones_are_taken(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token lives as long as the Secret that it is bound to; the kubeconfig asks a program."""
    grant(cluster, namespace, rules(namespace))
    core = cluster.core
    token = tmp_path / "token"

    def issue(name: str) -> None:
        core.create_namespaced_secret(namespace, {"metadata": {"name": name}})
        bound = {"kind": "Secret", "apiVersion": "v1", "name": name}
        asked = client.AuthenticationV1TokenRequest(spec={"boundObjectRef": bound})
        made = core.create_namespaced_service_account_token("mlmagic", namespace, asked)
        token.write_text(made.status.token)

    issue("first")
    api = "client.authentication.k8s.io/v1"
    answer = json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": {"token": "T"}})
    words = ["-c", f"printf '%s' '{answer}' | sed \"s|:[ ]*.T.|:\\\"$(cat {token})\\\"|\""]
    plugin = {"apiVersion": api, "command": "sh", "args": words, "interactiveMode": "Never"}
    file = renamed(cluster, tmp_path / "config", "login", {"exec": plugin})
    # A watch is begun anew each minute, by then with other credentials; here each second.
    monkeypatch.setattr("mlmagic.targets.kubernetes.connection._WATCH_SECONDS", 1)
    connection = connect(Place(kubeconfig=str(file), namespace=namespace))
    mirror = Mirror(connection)
    assert connection.list("Pod")[0] == mirror.read("Pod") == []
    core.delete_namespaced_secret("first", namespace)

    def refused(ask: Callable[[str], Any]) -> bool:
        try:
            ask("Pod")
        except TargetUnavailableError as error:
            return "does not accept the credentials" in str(error) and "Log in" in str(error)
        return False

    until(lambda: refused(connection.list) and refused(mirror.read))
    issue("second")
    assert connection.list("Pod")[0] == []
    until(lambda: not refused(mirror.read))
    assert mirror.read("Pod") == []
    mirror.close()


def test_a_version_that_is_forgotten_is_read_anew(cluster: Cluster, namespace: str) -> None:
    class Forgetful(Connection):
        """Begins a watch where no API server can still begin."""

        lists = 0

        def list(self, kind: str, selector: str = "") -> tuple[list[dict[str, Any]], str]:
            items, version = super().list(kind, selector)
            self.lists += 1
            return items, "1" if self.lists == 1 else version

    known = connect(Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace))
    connection = Forgetful(known.api, namespace, "test")
    cluster.forget()
    mirror = Mirror(connection)
    mirror.read("Event")
    until(lambda: connection.lists > 1)
    event = {
        "metadata": {"name": "it-goes-on"},
        "involvedObject": {"kind": "Pod", "name": "none", "namespace": namespace},
    }
    cluster.core.create_namespaced_event(namespace, event)
    until(lambda: mirror.get("Event", "it-goes-on") is not None)
    mirror.close()
