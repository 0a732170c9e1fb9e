"""The objects of a service, compared with files that a platform engineer can read.

Run ``python -m tests.unit.targets.kubernetes.test_objects`` to write them anew.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlmagic.entities import KubernetesDeploymentConfig as Config
from mlmagic.entities import PlacedModel
from mlmagic.errors import ConfigurationError, DamagedRecordError
from mlmagic.targets.base import Keys
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.autoscaling import CUSTOM_METRICS, KEDA
from mlmagic.targets.kubernetes.checking import check_config, lacks_registry
from mlmagic.targets.kubernetes.objects import (
    Credentials,
    exported,
    keys_secret,
    manifests,
    pull_secret,
)
from mlmagic.targets.kubernetes.recording import (
    owner_of,
    read_record_object,
    record_object,
    same_image,
)
from mlmagic.targets.kubernetes.release import ARCHITECTURE, Release
from tests.unit.targets.kubernetes.examples import make_record, make_spec

FOLDER = Path(__file__).parents[3] / "data" / "kubernetes" / "objects"
IMAGE = "registry.example.com/ml/svc@sha256:" + "2" * 64
_MODEL = PlacedModel(name="iris", version=3, digest="3" * 64, files=())
EXAMPLES = {
    "plain": Release(spec=make_spec(), revision=1, pods_revision=1, image=IMAGE),
    "everything": Release(
        spec=make_spec(
            Config(
                port=8080, cpu="500m", cpu_limit="1", memory="512Mi", memory_limit="1Gi",
                ephemeral_storage="2Gi", accelerators={"nvidia.com/gpu": 1}, workers=2, threads=4,
                autoscale_min=2, autoscale_max=10, autoscale_target=60, start_timeout_seconds=120,
                liveness_period_seconds=5, liveness_delay_seconds=310, liveness_timeout_seconds=3,
                liveness_failures=4, pre_stop_seconds=30, service_type="NodePort",
                ingress_host="svc.example.com", external_address="https://svc.example.com/ml",
                ingress_class="nginx", ingress_tls_secret="svc-tls", image_pull_secret="registry",
                node_selector={"disk": "ssd"},
                tolerations=("nvidia.com/gpu:NoSchedule", "team=ml:NoExecute"),
                service_account="scorer", priority_class="high", labels={"team": "ml"},
                annotations={"example.com/owner": "ml"},
            ),
            models=(_MODEL,),
            variables={"GREETING": "hello"},
            secrets={"token": "4" * 64},
        ),
        revision=7,
        pods_revision=5,
        image=IMAGE,
        restarted="2026-01-01T00:00:00+00:00",
        pull_secret="svc-pull",
    ),
    "gateway": Release(
        spec=make_spec(Config(auth="none", ingress_host="svc.example.com", gateway="infra/public")),
        revision=1,
        pods_revision=1,
        image=IMAGE,
    ),
    "requests-by-keda": Release(
        spec=make_spec(Config(autoscale_max=5, autoscale_requests=4)),
        revision=1,
        pods_revision=1,
        image=IMAGE,
        requests_from=KEDA,
        namespace="ml",
    ),
    "requests-by-custom-metrics": Release(
        spec=make_spec(Config(autoscale_max=5, autoscale_requests=4)),
        revision=1,
        pods_revision=1,
        image=IMAGE,
        requests_from=CUSTOM_METRICS,
    ),
}  # fmt: skip

# As a user says it, and as an API server keeps it: tests/kubernetes/test_sharing.py asks one.
QUANTITIES = {
    "0.5": "500m", "1.0": "1", ".1": "100m", "1.5": "1500m", "1000m": "1", "2000": "2k",
    "1000M": "1G", "1500M": "1500M", "0.5G": "500M", "1.2345M": "1234500",
    "512Mi": "512Mi", "1024Mi": "1Gi", "0.5Gi": "512Mi", "1.5Gi": "1536Mi", "2048Ki": "2Mi",
    "0.5Ki": "512", "1Ti": "1Ti", "1048576Ti": "1Ei", "0.1Gi": "107374182400m",
}  # fmt: skip


def written(release: Release) -> str:
    items = manifests(release)
    for item in items:
        for digest in (naming.SPEC_DIGEST, naming.TEMPLATE):
            if digest in item["metadata"].get("annotations", {}):
                item["metadata"]["annotations"][digest] = "…"
    return yaml.safe_dump_all(items, sort_keys=False, allow_unicode=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_objects_are_those_of_the_file(name: str) -> None:
    assert written(EXAMPLES[name]) == (FOLDER / f"{name}.yaml").read_text()


def test_a_change_that_leaves_the_pods_alone_keeps_their_digest() -> None:
    def digest(config: Config, revision: int) -> str:
        release = replace(EXAMPLES["plain"], spec=make_spec(config), revision=revision)
        (deployment,) = (o for o in manifests(release) if o["kind"] == "Deployment")
        return str(deployment["metadata"]["annotations"][naming.TEMPLATE])

    assert digest(Config(), 1) == digest(Config(replicas=5, autoscale_max=9), 2)
    assert digest(Config(), 1) != digest(Config(threads=1), 2)


@pytest.mark.parametrize(
    ("config", "same"),
    [
        (Config(replicas=3, memory="1Gi"), True),
        (Config(base_image="debian:12"), False),
        (Config(base_dockerfile="RUN true"), False),
        (Config(standalone_python="https://host/python.tar.gz#sha256=0"), False),
    ],
)
def test_what_an_image_is_built_on_makes_another_image(config: Config, same: bool) -> None:
    assert same_image(make_spec(), make_spec(config)) is same


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"disk": "ssd"}, {"disk": "ssd", ARCHITECTURE: "arm64"}), ({ARCHITECTURE: "amd64"}, None)],
)
def test_pods_are_kept_to_the_processors_of_an_image_that_was_guessed(
    given: dict[str, str], expected: dict[str, str] | None
) -> None:
    spec = make_spec(Config(node_selector=given))
    release = replace(EXAMPLES["plain"], spec=spec, architecture="arm64")
    (deployment,) = (o for o in manifests(release) if o["kind"] == "Deployment")
    kept_to = {"kubernetes.io/os": "linux"} | (expected or given)
    assert deployment["spec"]["template"]["spec"]["nodeSelector"] == kept_to


@pytest.mark.parametrize(("said", "kept"), QUANTITIES.items())
def test_sizes_are_written_as_the_server_keeps_them(said: str, kept: str) -> None:
    """Else whoever applies what was exported has another value, and a conflict with us."""
    spec = make_spec(Config(cpu=said, cpu_limit=said, memory=said, memory_limit=said))
    (deployment,) = (
        o for o in manifests(replace(EXAMPLES["plain"], spec=spec)) if o["kind"] == "Deployment"
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    sizes = {"cpu": kept, "memory": kept}
    assert container["resources"] == {"requests": sizes, "limits": sizes}


def test_what_is_exported_has_the_number_of_pods_and_no_owner() -> None:
    release = replace(EXAMPLES["plain"], spec=make_spec(Config(replicas=3)), owner=None)
    (deployment,) = (o for o in exported(release) if o["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 3
    assert "ownerReferences" not in deployment["metadata"]


def test_secrets_never_show() -> None:
    keys = Keys(primary="first-secret", secondary="second-secret")
    credentials = Credentials(registry="registry.example.com", user="me", password="hush")
    assert "hush" not in repr(credentials)
    assert "first-secret" not in repr(keys)
    for item in (
        keys_secret(EXAMPLES["plain"], keys),
        pull_secret(EXAMPLES["plain"], credentials),
    ):
        assert item["kind"] == "Secret"
        assert "secret" not in str(item["data"])


def test_the_record_comes_back_from_the_cluster() -> None:
    record = make_record(revision=3)
    item = record_object(record, EXAMPLES["plain"])
    assert read_record_object(item) == record
    item["binaryData"][naming.RECORD_KEY] = "AAAA"
    with pytest.raises(DamagedRecordError, match="'svc-record'"):
        read_record_object(item)
    assert owner_of({"metadata": {"name": "svc-record", "uid": "u"}})["kind"] == "ConfigMap"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config(autoscale_min=5, autoscale_max=2), "minimum '5' is above its maximum '2'"),
        (Config(namespace="Bad_NS"), "'Bad_NS' is no namespace"),
        (Config(replicas=9, autoscale_max=3), "'9' replicas are not between '1' and '3'"),
        (Config(autoscale_requests=4), "'autoscale_requests' needs 'autoscale'"),
        (Config(cpu="2", cpu_limit="1"), "limit of '1' CPUs is below '2'"),
        (Config(memory="1Gi", memory_limit="512Mi"), "memory limit '512Mi' is below '1Gi'"),
        (Config(memory="1g"), "did you mean '1G' or '1Gi'"),
        (Config(cpu="0,5"), "'0,5' is not a quantity"),
        (Config(ephemeral_storage="1g"), "did you mean '1G' or '1Gi'"),
        (Config(accelerators={"gpu": 1}), "'gpu' is no name of an accelerator"),
        (Config(ingress_host="A_b"), "'A_b' is no host name"),
        (Config(gateway="public"), "'gateway' needs 'ingress_host'"),
        (Config(gateway="a/b/c", ingress_host="svc.example.com"), "'a/b/c' is no Gateway"),
        (Config(pre_stop_seconds=71), "takes requests for 1 to 70 seconds, not '71'"),
        (Config(external_address="svc.example.com"), "'svc.example.com' is no address 'https://"),
        (Config(external_address="https://a:b@svc/"), "'https://svc/' is no address 'https://"),
        (Config(tolerations=("x:Never",)), "toleration 'x:Never' is not"),
        (Config(labels={"team": "a b"}), "label 'team=a b' is not allowed"),
        (Config(labels={naming.NAME: "x"}), "is set by mlmagic itself"),
    ],
)
def test_what_cannot_work_is_refused_at_once(config: Config, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_config(make_spec(config))


def test_all_that_is_wrong_is_named() -> None:
    wrong: Any = Config(cpu="2", cpu_limit="1", autoscale_min=5, autoscale_max=2)
    with pytest.raises(ConfigurationError) as caught:
        check_config(make_spec(wrong), lacks=lacks_registry(None, None))
    assert len(str(caught.value).splitlines()) == 3
    assert "--image-registry" in str(caught.value)


if __name__ == "__main__":
    for example, its_release in EXAMPLES.items():
        (FOLDER / f"{example}.yaml").write_text(written(its_release))
