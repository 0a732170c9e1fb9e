"""Images of registries that ask for credentials."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from mlmagic.entities import Check, Reason, ServiceState
from mlmagic.targets.kubernetes.connection import Place
from mlmagic.targets.kubernetes.examining import examine_cluster
from mlmagic.testing.contract import SECONDS, says, until
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


@pytest.mark.usefixtures("own_node")
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
    # What somebody renews: a pod that names a Secret does not get those of its account.
    theirs = {"imagePullSecrets": [{"name": "renewed"}]}
    cluster.core.patch_namespaced_service_account("default", namespace, theirs)
    service = kit.services.submit(kit.spec(image_registry=f"{registry.address}/ml"))
    service.wait_for_deployment(timeout_sec=SECONDS)
    assert service.run([1]) == [1]
    (pod,) = cluster.core.list_namespaced_pod(namespace).items
    assert [each.name for each in pod.spec.image_pull_secrets] == ["svc-pull", "renewed"]
    (_, deployment, *_) = service.export()
    assert len(deployment["spec"]["template"]["spec"]["imagePullSecrets"]) == 2
    assert cluster.core.read_namespaced_secret("svc-pull", namespace).type == (
        "kubernetes.io/dockerconfigjson"
    )
    assert told(cluster, namespace, registry)["pull secret"] == Check(
        name="pull secret",
        state="ok",
        found=f"'{registry.address}' takes the credentials of the Secret 'svc-pull' "
        "(service 'svc')",
    )
    # A registry that is gone: pods of the image that is there come, a new image does not.
    registry.stop()
    there = {"image_registry": f"{registry.address}/ml", "replicas": 2}
    assert "imagePullSecrets" not in str(kit.services.plan(kit.spec(**there)))
    kit.services.submit(kit.spec(**there)).wait_for_deployment(timeout_sec=SECONDS)
    assert service.status.replicas_ready == 2
    failing = kit.services.submit(kit.spec(says("never"), **there))
    until(lambda: failing.status.reason is Reason.UPDATE_FAILED)
    assert "ImagePushFailed" in failing.status.message
    assert service.run([1]) == [1]


def told(
    cluster: Cluster, namespace: str, registry: Registry, secret: str | None = None
) -> dict[str, Check]:
    report = examine_cluster(
        Place(kubeconfig=str(cluster.kubeconfig), namespace=namespace),
        name="prod",
        registry=f"{registry.address}/ml",
        pull_secret=secret,
    )
    return {check.name: check for check in report.checks}


def test_what_nodes_show_a_registry_is_looked_at_and_tried(
    cluster: Cluster,
    namespace: str,
    make_image_registry: Callable[..., Registry],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = make_image_registry(htpasswd=True)
    host = registry.address
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    checks = told(cluster, namespace, registry)
    assert "pull secret" not in checks
    login = checks["registry login"]
    assert (login.state, login.advice) == ("missing", f"Log in: docker login {host}.")
    assert f"The registry '{host}' answered 401 Unauthorized" in login.found

    missing = told(cluster, namespace, registry, "team")["pull secret"]
    assert (missing.state, missing.found) == ("missing", "there is no Secret 'team'")
    assert "create secret docker-registry team --docker-server=" in missing.advice

    def auths(server: str, password: str) -> dict[str, str]:
        content = {"auths": {server: {"username": USER, "password": password}}}
        return {".dockerconfigjson": json.dumps(content)}

    kind = "kubernetes.io/dockerconfigjson"
    for number, (of, data, state, words) in enumerate(
        [
            ("Opaque", {"a": "b"}, "missing", "is of the type 'Opaque', not"),
            (kind, {".dockerconfigjson": "{}"}, "missing", "has no credentials that can be read"),
            (kind, auths("quay.io", PASSWORD), "missing", f"for 'quay.io', none for '{host}'"),
            (kind, auths(host, "wrong"), "missing", f"'{host}' does not take the credentials of"),
            (kind, auths(f"https://{host}/v2/", PASSWORD), "ok", f"'{host}' takes the credentials"),
        ]
    ):
        name = f"team-{number}"
        secret = {"metadata": {"name": name}, "type": of, "stringData": data}
        cluster.core.create_namespaced_secret(namespace, secret)
        check = told(cluster, namespace, registry, name)["pull secret"]
        assert (check.state, words in check.found) == (state, True), check.found
    free = make_image_registry()
    ecr = base64.b64encode(b"AWS:token").decode()
    for entry, words in (
        ({"identitytoken": "some"}, "no pull secret can be made"),
        ({"auth": ecr}, "ends after 12 hours, and with it the pull secret"),
    ):
        token = {"auths": {free.address: entry}}
        (tmp_path / "config.json").write_text(json.dumps(token))
        login = told(cluster, namespace, free)["registry login"]
        assert (login.state, words in login.found) == ("optional", True)
        assert "--image-pull-secret NAME; or let the nodes pull by their own" in login.advice
    registry.stop()
    check = told(cluster, namespace, registry, name)["pull secret"]
    assert (check.state, "cannot be tried from here" in check.found) == ("optional", True)


@pytest.mark.usefixtures("own_node")
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
    # The next deployment does not lean on what the nodes do not get.
    target: Any = kit.services.target(service.record)
    assert target._image_there(service.record.spec, service.record) is None
    assert error.status is not None
    assert (error.status.state, error.status.reason) == (ServiceState.FAILED, Reason.IMAGE_PULL)
    assert f"'{address}/ml/svc@sha256:" in error.status.message
    assert words in error.status.message
    assert way_out in error.status.next_step


@pytest.mark.usefixtures("own_node")
def test_a_registry_that_never_answers(kit: ServiceKit, cluster: Cluster, namespace: str) -> None:
    with registry_for_pushes("nothing") as address:
        service = kit.services.submit(kit.spec(says("silence"), image_registry=f"{address}/ml"))
        until(lambda: service.status.reason is Reason.PULLING_IMAGE)
        assert service.state is ServiceState.TRANSITIONING
        # Ours is a minute longer than the start may take.
        sooner = {"spec": {"progressDeadlineSeconds": 3}}
        client.AppsV1Api(cluster.api).patch_namespaced_deployment("svc", namespace, sooner)
        error = fails(service)
    assert error.status is not None
    assert (error.status.state, error.status.reason) == (ServiceState.FAILED, Reason.IMAGE_PULL)
    assert f"the nodes ask for '{address}/ml/svc@sha256:" in error.status.message
    assert "and get no answer" in error.status.message
    assert "--image-registry" in error.status.next_step
