"""A cluster, a namespace for each test, and services in it."""

from __future__ import annotations

import base64
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client

from mlmagic.registry import ContentStore
from mlmagic.targets.kubernetes import KubernetesTarget, Place
from mlmagic.targets.kubernetes.connection import connect
from mlmagic.targets.kubernetes.permissions import lacking, rules
from mlmagic.testing import ServiceKit
from mlmagic.testing.contract import SECONDS, until
from tests.cluster.node import REGISTRY as HOST
from tests.cluster.node import Cluster, cluster, namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from mlmagic.entities import Lock
    from mlmagic.environments import Environments
    from tests.engine.fixtures import TestEngine

    KitIn = Callable[[Path, str], AbstractContextManager[ServiceKit]]

__all__ = ["cluster", "namespace"]
REGISTRY = f"{HOST}/mlmagic-tests"


@pytest.fixture
def own_node(cluster: Cluster) -> None:
    """Skips a test whose registry on loopback only our own node reaches."""
    if cluster.directory is None:
        pytest.skip("the nodes of KUBECONFIG's cluster do not reach this machine's loopback")


@pytest.fixture(scope="session")
def base_image(docker_engine: TestEngine, cluster: Cluster) -> str:
    """The engine's base image, where the cluster's own registry has it."""
    del cluster  # it starts the registry
    repository, _, tag = docker_engine.base.rpartition(":")
    reference = f"{HOST}/{repository}"
    docker_engine.client.images.get(docker_engine.base).tag(reference, tag)
    docker_engine.client.images.push(reference, tag)
    return f"{reference}:{tag}"


@pytest.fixture(scope="session")
def kit_in(
    environments: Environments, lock: Lock, cluster: Cluster, base_image: str
) -> Callable[[Path, str], AbstractContextManager[ServiceKit]]:
    """Makes kits, each in a folder and a namespace, with the rights that we ask for alone."""

    @contextmanager
    def make(folder: Path, namespace: str) -> Iterator[ServiceKit]:
        content = ContentStore(folder / "content")
        account = f"mlmagic-{uuid.uuid4().hex[:8]}"
        kubeconfig = restricted(
            cluster, namespace, folder / "kubeconfig", rules(namespace, account), account
        )
        place = Place(kubeconfig=str(kubeconfig), namespace=namespace)
        until(lambda: not lacking(connect(place)))  # the authorizer learns of it in a moment
        target = KubernetesTarget(
            folder / "services",
            content=content,
            environments=environments,
            place=place,
            registry=REGISTRY,
            base_image=base_image,
        )
        made = ServiceKit(
            folder / "services",
            content=content,
            environments=environments,
            lock=lock,
            targets={"kubernetes": target},
            target="kubernetes",
        )
        yield made
        for name in made.services.names():
            target.cancel(name)
        target.close()

    return make


@pytest.fixture
def kit(kit_in: KitIn, tmp_path: Path, namespace: str) -> Iterator[ServiceKit]:
    """Makes services in a namespace of its own, which is deleted with them."""
    with kit_in(tmp_path, namespace) as made:
        yield made


@pytest.fixture(scope="module")
def shared_kit(
    kit_in: KitIn, tmp_path_factory: pytest.TempPathFactory, cluster: Cluster
) -> Iterator[ServiceKit]:
    """A kit with a service ``svc`` that the tests of a module share."""
    with (
        cluster.namespace() as namespace,
        kit_in(tmp_path_factory.mktemp("shared"), namespace) as made,
    ):
        made.services.submit(made.spec()).wait_for_deployment(timeout_sec=SECONDS)
        yield made


def grant(cluster: Cluster, namespace: str, items: list[dict[str, Any]]) -> None:
    """Apply rules; those of the whole cluster go with the namespace."""
    uid = cluster.core.read_namespace(namespace).metadata.uid
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "uid": uid}
    for item in items:
        if "namespace" not in item["metadata"]:
            item["metadata"]["ownerReferences"] = [owner]
        cluster.apply(item)


def restricted(
    cluster: Cluster,
    namespace: str,
    file: Path,
    items: list[dict[str, Any]],
    account: str = "mlmagic",
) -> Path:
    """Write a kubeconfig for a service account.

    Args:
        cluster: The cluster.
        namespace: Where the account is.
        file: What is written.
        items: The account, and what gives it its rights.
        account: Its name.
    """
    grant(cluster, namespace, items)
    asked = client.AuthenticationV1TokenRequest(spec={"expirationSeconds": 7200})
    made = cluster.core.create_namespaced_service_account_token(account, namespace, asked)
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    (entry,) = content["clusters"]
    authority = entry["cluster"].pop("certificate-authority", None)
    if authority:
        data = base64.b64encode(Path(authority).read_bytes()).decode()
        entry["cluster"]["certificate-authority-data"] = data
    content["users"] = [{"name": account, "user": {"token": made.status.token}}]
    context = {"cluster": entry["name"], "user": account}
    content["contexts"] = [{"name": account, "context": context}]
    content["current-context"] = account
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content))
    return file


def lead(folder: Path, cluster: Cluster, namespace: str, base_image: str) -> Path:
    """Write settings that lead what runs in a folder to a namespace of the cluster.

    Args:
        folder: Where it runs.
        cluster: The cluster.
        namespace: The namespace.
        base_image: What images are made from.

    Returns:
        The kubeconfig to use.
    """
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    for context in content["contexts"]:
        context["context"]["namespace"] = namespace
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(content))
    (folder / "mlmagic.toml").write_text(
        f'image_registry = "{REGISTRY}"\nbase_image = "{base_image}"\n'
    )
    return kubeconfig


@contextmanager
def known(cluster: Cluster, version: str, *kinds: str) -> Iterator[None]:
    """Let the cluster know kinds of others for a while, where it does not yet.

    Args:
        cluster: The cluster.
        version: Group and version of their API.
        kinds: Their names.
    """
    definitions = client.ApiextensionsV1Api(cluster.api)
    group, _, number = version.partition("/")
    there = {each.metadata.name for each in definitions.list_custom_resource_definition().items}
    made = [name for kind in kinds if (name := f"{kind.lower()}s.{group}") not in there]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    stored = {
        "name": number,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    for kind in kinds:
        if (name := f"{kind.lower()}s.{group}") in made:
            about = {"api-approved.kubernetes.io": "unapproved, for tests"}
            definitions.create_custom_resource_definition(
                {
                    "apiVersion": "apiextensions.k8s.io/v1",
                    "kind": "CustomResourceDefinition",
                    "metadata": {"name": name, "annotations": about},
                    "spec": {
                        "group": group,
                        "names": {"kind": kind, "plural": f"{kind.lower()}s"},
                        "scope": "Namespaced",
                        "versions": [stored],
                    },
                }
            )

    def served() -> bool:
        found = [definitions.read_custom_resource_definition(name) for name in made]
        return all(
            any(
                each.type == "Established" and each.status == "True"
                for each in one.status.conditions or []
            )
            for one in found
        )

    until(served)
    try:
        yield
    finally:
        for name in made:
            definitions.delete_custom_resource_definition(name)
