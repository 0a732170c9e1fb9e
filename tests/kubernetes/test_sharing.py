"""Two workspaces, or mlmagic and somebody else, want the same names of a namespace."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlmagic.entities import KubernetesDeploymentConfig
from mlmagic.errors import ConfigurationError, MlmagicError, ServiceExistsError, TargetError
from mlmagic.targets.base import Keys
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.applying import apply_release, kept_pods
from mlmagic.targets.kubernetes.objects import exported, keys_secret, manifests
from mlmagic.targets.kubernetes.recording import keep_record, record_object
from tests.unit.targets.kubernetes.examples import make_record
from tests.unit.targets.kubernetes.test_objects import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlmagic.services import Webservice
    from mlmagic.testing import ServiceKit
    from tests.cluster.node import Cluster
    from tests.kubernetes.conftest import KitIn

pytestmark = pytest.mark.kubernetes
UNKNOWN = r"has a service 'svc' that this workspace did not deploy\. Attach it: .* svc --target"


@pytest.fixture
def other(kit_in: KitIn, tmp_path: Path, namespace: str) -> Iterator[ServiceKit]:
    """A second workspace in the namespace of the first."""
    with kit_in(tmp_path / "other", namespace) as made:
        yield made


def submitted(kit: ServiceKit, **asked: Any) -> Webservice:
    """Deploy as far as the caller does it: the record is kept, pods do not matter here."""
    service = kit.services.submit(kit.spec(**asked))
    target_of(kit).cancel("svc")
    return service


def target_of(kit: ServiceKit) -> Any:
    return kit.services._deployer.target("kubernetes")


def kept(kit: ServiceKit) -> list[Any]:
    """What the cluster has of the service: the record, and the keys."""
    get = target_of(kit).connection.get
    found = [get("ConfigMap", "svc-record"), get("Secret", "svc-keys")]
    return [
        each and (each["metadata"]["uid"], each.get("binaryData", each.get("data")))
        for each in found
    ]


def generations(kit: ServiceKit) -> list[int]:
    return [each.generation for each in kit.services.record("svc").revisions]


def test_a_service_of_another_workspace_is_not_taken_over(
    kit: ServiceKit, other: ServiceKit
) -> None:
    submitted(kit)
    before = kept(kit)
    assert None not in before
    for asked in ({}, {"threads": 3}):
        with pytest.raises(ServiceExistsError, match=UNKNOWN):
            submitted(other, **asked)
        with pytest.raises(ServiceExistsError, match=UNKNOWN):
            other.services.plan(other.spec(**asked))
    assert other.services.names() == []
    assert kept(kit) == before

    # Where the first was quicker by a moment, after the second had looked.
    late = make_record()
    assert late.created_at != kit.services.record("svc").created_at
    with pytest.raises(ServiceExistsError, match="'svc' made anew by somebody else"):
        target_of(other).create(late, secrets={})
    target_of(other).delete(late)
    assert kept(kit) == before

    attached = other.services.attach("svc", "kubernetes")
    assert attached.record.revisions == kit.services.record("svc").revisions
    submitted(other, threads=3)
    assert generations(other) == [1, 2]


def test_newer_revisions_of_others_are_not_overwritten(kit: ServiceKit, other: ServiceKit) -> None:
    submitted(kit)
    other.services.attach("svc", "kubernetes")
    submitted(other, threads=3)
    before = kept(kit)
    words = r"'svc' in revision 2; this workspace knows 1\. Attach it again: .* svc --target"
    for act in (
        lambda: submitted(kit, threads=4),
        lambda: kit.services.plan(kit.spec(threads=4)),
        lambda: kit.services.stop("svc"),
        lambda: kit.services.start("svc"),
    ):
        with pytest.raises(ServiceExistsError, match=words):
            act()
    assert generations(kit) == [1]
    assert kept(kit) == before

    assert kit.services.attach("svc", "kubernetes").record.spec.config.threads == 3
    submitted(kit, threads=4)
    assert generations(kit) == [1, 2, 3]

    # One that was deleted and made anew is another service, whatever its revision.
    kit.services.delete("svc")
    submitted(kit, threads=5)
    before = kept(kit)
    with pytest.raises(ServiceExistsError, match="'svc' made anew by somebody else"):
        submitted(other, threads=6)
    assert kept(kit) == before
    other.services.delete("svc")
    assert kept(kit) == before


def test_of_several_that_deploy_in_one_moment_one_wins(
    kit: ServiceKit, other: ServiceKit, kit_in: KitIn, tmp_path: Path, namespace: str
) -> None:
    with ExitStack() as stack:
        kits = [kit, other]
        for number in range(2):
            made = stack.enter_context(kit_in(tmp_path / f"more-{number}", namespace))
            kits.append(made)
        for revision in (1, 2):
            outcomes = at_once(kits, threads=revision)
            (winner,) = (each for each, error in zip(kits, outcomes, strict=True) if error is None)
            assert {type(error) for error in outcomes if error} == {ServiceExistsError}
            record = target_of(kit).find("svc")
            assert record.revisions == winner.services.record("svc").revisions
            assert [each.generation for each in record.revisions] == [*range(1, revision + 1)]
            for each in kits:
                assert each is winner or "svc" not in each.services.names() or revision == 2
                attached = each.services.attach("svc", "kubernetes")
                assert attached.record.revisions == record.revisions


def at_once(kits: list[ServiceKit], **asked: Any) -> list[Exception | None]:
    """Deploy from all kits in one moment; returns what went wrong for each."""
    start = threading.Barrier(len(kits))

    def deploy(each: ServiceKit) -> Exception | None:
        spec = each.spec(**asked)
        start.wait()
        try:
            each.services.submit(spec)
        except MlmagicError as error:
            return error
        finally:
            target_of(each).cancel("svc")
        return None

    with ThreadPoolExecutor(len(kits)) as pool:
        return list(pool.map(deploy, kits))


def test_a_revision_of_the_same_number_is_not_overwritten(
    kit: ServiceKit, other: ServiceKit
) -> None:
    submitted(kit)
    before = other.services.attach("svc", "kubernetes").record
    submitted(kit, threads=3)
    there = kept(kit)
    (first,) = before.revisions
    late = replace(first, generation=2, created_at=datetime.now(UTC))
    words = r"'svc' in revision 2 of somebody else\. Attach it again"
    with pytest.raises(ServiceExistsError, match=words):
        target_of(other).update(replace(before, current=2, revisions=(first, late)), secrets={})
    assert kept(kit) == there


def test_objects_of_others_are_neither_taken_nor_removed(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    submitted(kit, replicas=1, auth="none")
    get = target_of(kit).connection.get
    theirs = foreign(namespace)
    wanted = ({"replicas": 2}, {"autoscale_max": 2}, {"ingress_host": "svc.example.com"}, {})

    def look() -> list[str]:
        found = [get(each["kind"], each["metadata"]["name"]) for each in theirs]
        return [each["metadata"]["uid"] + str(each["metadata"].get("labels")) for each in found]

    def is_refused(item: dict[str, Any], asked: dict[str, Any]) -> None:
        words = f"has a {item['kind']} '{item['metadata']['name']}' that mlmagic did not make"
        with pytest.raises(ServiceExistsError, match=words):
            submitted(kit, **{"auth": "none", "threads": 3, **asked})

    for item, asked in zip(theirs, wanted, strict=True):
        cluster.apply(item)
        is_refused(item, asked)
    before = look()
    assert generations(kit) == [1]
    kit.services.delete("svc")
    assert look() == before
    is_refused(theirs.pop(), {})
    cluster.core.delete_namespaced_secret("svc-pull", namespace)
    for item, asked in zip(theirs, wanted, strict=False):
        is_refused(item, asked)
    assert kit.services.names() == []
    assert look() == before[:-1]


def test_the_number_of_pods_stays_after_a_first_deployment_that_ended_early(
    kit: ServiceKit,
) -> None:
    connection = target_of(kit).connection
    record = make_record(config=KubernetesDeploymentConfig(auth="none", replicas=2))
    release = replace(keep_record(connection, record), image="registry.example.com/svc:1")
    for item in manifests(kept_pods(connection, release)):
        connection.apply(item)
    apply_release(connection, release)
    made = connection.get("Deployment", "svc")
    # Each change of the number would be one more.
    assert (made["spec"]["replicas"], made["metadata"]["generation"]) == (2, 1)
    fields = [each["fieldsV1"] for each in made["metadata"]["managedFields"]]
    assert not any("f:replicas" in each.get("f:spec", {}) for each in fields)


def test_what_others_have_changed_is_named_and_kept(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    config = KubernetesDeploymentConfig(autoscale_max=3, ingress_host="a.example", auth="key")
    connection, record = target_of(kit).connection, make_record(config=config)
    release = replace(keep_record(connection, record), image="registry.example.com/svc:1")
    keys = keys_secret(release, Keys(primary="one", secondary="two"))
    connection.apply(keys)
    apply_release(connection, release)
    items = [*manifests(kept_pods(connection, release)), record_object(record, release), keys]
    changes: dict[str, tuple[str, Any]] = {
        "Service": ("spec.type", "NodePort"),
        "Deployment": ("spec.revisionHistoryLimit", 3),
        "HorizontalPodAutoscaler": ("spec.maxReplicas", 9),
        "PodDisruptionBudget": ("spec.maxUnavailable", 2),
        "Ingress": ("spec.rules", [{"host": "b.example"}]),
        "ConfigMap": ("binaryData", {naming.RECORD_KEY: "H4sI"}),
        "Secret": ("data", {naming.PRIMARY_KEY: "H4sI"}),
    }
    assert {item["kind"] for item in items} == changes.keys()
    for item in items:
        kind, name = item["kind"], item["metadata"]["name"]
        path, value = changes[kind]
        change = value
        for part in reversed(path.split(".")):
            change = {part: change}
        words = ["patch", kind, name, "--type=merge", "--patch", json.dumps(change)]
        cluster.kubectl("--namespace", namespace, *words, "--field-manager=platform-team")
        told = rf"'platform-team' manages \.{path}.* of '\w+/{name}': they are not overwritten"
        with pytest.raises(TargetError, match=told) as caught:
            connection.apply(item)
        assert "--show-managed-fields" in (caught.value.hint or "")


def test_another_port_of_somebody_else_is_named(
    kit: ServiceKit, cluster: Cluster, namespace: str
) -> None:
    """Ports have no names but their numbers to an API server: it sees two, not a conflict."""
    connection = target_of(kit).connection
    release = keep_record(connection, make_record())
    (item,) = (each for each in manifests(release) if each["kind"] == "Service")
    connection.apply(item)
    ports = [{"name": "http", "port": 8080, "targetPort": "http"}]
    words = [
        "patch",
        "service",
        "svc",
        "--type=merge",
        f"--patch={json.dumps({'spec': {'ports': ports}})}",
    ]
    cluster.kubectl("--namespace", namespace, *words, "--field-manager=platform-team")
    told = r"'platform-team' manages .* of 'services/svc' .*spec.ports\[1\].name: Duplicate value"
    with pytest.raises(TargetError, match=told) as caught:
        connection.apply(item)
    assert "--show-managed-fields" in (caught.value.hint or "")


def test_what_is_exported_is_applied_by_somebody_else_beside_us(
    kit: ServiceKit, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    sizes: Any = {"cpu": "0.5", "cpu_limit": "1.0", "memory": "1000M", "memory_limit": "1024Mi"}
    config = KubernetesDeploymentConfig(autoscale_max=3, ingress_host="a.example", **sizes)
    connection, record = target_of(kit).connection, make_record(config=config)
    release = replace(keep_record(connection, record), image="registry.example.com/svc:1")
    apply_release(connection, release)
    release = kept_pods(connection, release)
    items = manifests(release)

    def look() -> list[Any]:
        found = [connection.get(each["kind"], "svc") or {} for each in items]
        return [(each["metadata"].get("generation"), each["spec"]) for each in found]

    before = look()
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(exported(release)))
    words = ["apply", "--server-side", "--field-manager=argocd", f"--filename={file}"]
    cluster.kubectl("--namespace", namespace, *words)
    for item in items:
        connection.apply(item)
    assert look() == before


def test_an_api_server_keeps_sizes_as_they_are_written(kit: ServiceKit) -> None:
    connection = target_of(kit).connection
    (item,) = (
        each
        for each in manifests(keep_record(connection, make_record()))
        if each["kind"] == "Deployment"
    )
    (container,) = item["spec"]["template"]["spec"]["containers"]
    for said, kept_so in QUANTITIES.items():
        sizes = {"cpu": said, "memory": said}
        container["resources"] = {"requests": sizes, "limits": sizes}
        made = connection.apply(item, dry_run=True)["spec"]["template"]["spec"]["containers"][0]
        assert made["resources"]["limits"] == dict.fromkeys(sizes, kept_so)


def foreign(namespace: str) -> list[dict[str, Any]]:
    meta = {"name": "svc", "namespace": namespace}
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "theirs"}
    port = {"number": 80}
    return [
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta,
         "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "theirs"}}}},
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta,
         "spec": {"scaleTargetRef": scaled, "maxReplicas": 3}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta,
         "spec": {"defaultBackend": {"service": {"name": "theirs", "port": port}}}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta | {"name": "svc-pull"}},
    ]  # fmt: skip


def test_an_update_that_fails_leaves_the_record_as_it_was(kit: ServiceKit) -> None:
    submitted(kit)
    before = kept(kit)
    with pytest.raises(ConfigurationError, match="The value of the secret 'token' is not known"):
        submitted(kit, secrets={"token": "4" * 64})
    assert generations(kit) == [1]
    assert kept(kit) == before
    submitted(kit, threads=3)
    assert generations(kit) == [1, 2]
