"""The objects of a service, made from its specification alone."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from mlmagic.files import digest_text
from mlmagic.targets.kubernetes import naming
from mlmagic.targets.kubernetes.autoscaling import autoscaler
from mlmagic.targets.kubernetes.pods import pod_template
from mlmagic.targets.kubernetes.release import autoscales, first_replicas
from mlmagic.targets.kubernetes.routes import route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.targets.base import Keys
    from mlmagic.targets.kubernetes.release import Release

    Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a registry asks for."""

    registry: str
    user: str
    password: str = field(repr=False)


DEFAULT_PORT = 80
# Of these kinds a service may have one that a later revision does not want any more.
OPTIONAL_KINDS = (
    *("HorizontalPodAutoscaler", "ScaledObject", "TriggerAuthentication"),
    *("PodDisruptionBudget", "Ingress", "HTTPRoute"),
)
_FEWEST_FOR_BUDGET = 2
_MARGIN_SECONDS = 60


def manifests(release: Release) -> list[Object]:
    """Return what is applied for a revision, besides Secrets and the record.

    The number of pods is not among it: it is set by the ``scale`` part, as the autoscaler does,
    so that neither takes it from the other. Only a new Deployment has it, as policies may want it.
    """
    spec, config = release.spec, release.config
    found = [_service(release), _deployment(release)]
    if autoscales(config):
        found += autoscaler(release, metadata(release))
    if (config.autoscale_max or first_replicas(config)) >= _FEWEST_FOR_BUDGET:
        found.append(_budget(release))
    if config.ingress_host is not None:
        found.append(route(release, metadata(release, annotations=config.annotations)))
    assert all(each["metadata"]["name"] == spec.name for each in found)  # noqa: S101 - pruned by it
    return found


def exported(release: Release) -> list[Object]:
    """Return the same for GitOps: with the number of pods, without owners."""
    found = manifests(release)
    for each in found:
        each["metadata"].pop("ownerReferences", None)
        if each["kind"] == "Deployment" and not autoscales(release.config):
            each["spec"]["replicas"] = first_replicas(release.config)
    return found


def metadata(
    release: Release, *, name: str = "", annotations: Mapping[str, str] | None = None
) -> Any:
    """Return the ``V1ObjectMeta`` of an object of a service."""
    from kubernetes import client as k8s

    return k8s.V1ObjectMeta(
        name=name or release.spec.name,
        labels=naming.labels(release.spec, release.config.labels),
        annotations=dict(annotations) if annotations else None,
        owner_references=[k8s.V1OwnerReference(**release.owner)] if release.owner else None,
    )


def keys_secret(release: Release, keys: Keys) -> Object:
    """Return the Secret that the server reads its keys from, again whenever it changes."""
    content = {"primary": keys.primary, "secondary": keys.secondary}
    values = {"keys.json": _json(content), naming.PRIMARY_KEY: keys.primary.encode()}
    return secret(release, naming.keys_name(release.spec.name), values)


def secret(
    release: Release, name: str, values: Mapping[str, bytes], *, kind: str = "Opaque"
) -> Object:
    """Return a Secret."""
    from kubernetes import client as k8s

    data: dict[str, bytes | str] = {
        key: base64.b64encode(value).decode() for key, value in values.items()
    }
    return plain(
        k8s.V1Secret(
            api_version="v1",
            kind="Secret",
            metadata=metadata(release, name=name),
            type=kind,
            data=data,
        )
    )


def pull_secret(release: Release, credentials: Credentials) -> Object:
    """Return the Secret with which nodes pull the image."""
    pair = f"{credentials.user}:{credentials.password}".encode()
    content = {"auths": {credentials.registry: {"auth": base64.b64encode(pair).decode()}}}
    values = {".dockerconfigjson": _json(content)}
    name = naming.pull_name(release.spec.name)
    return secret(release, name, values, kind="kubernetes.io/dockerconfigjson")


def plain(value: Any) -> Object:
    """Turn an object of the client into what goes over the wire."""
    found: Object = _serialiser().sanitize_for_serialization(value)
    return found


@cache
def _serialiser() -> Any:
    from kubernetes import client as k8s

    return k8s.ApiClient(k8s.Configuration())


def _deployment(release: Release) -> Object:
    from kubernetes import client as k8s

    spec = release.spec
    template = pod_template(release)
    described = {
        naming.REVISION: f"{release.revision}",
        naming.SPEC_DIGEST: spec.digest,
        naming.MODELS: ",".join(model.id for model in spec.models),
        naming.TEMPLATE: _template_digest(template),
    }
    return plain(
        k8s.V1Deployment(
            api_version="apps/v1",
            kind="Deployment",
            metadata=metadata(release, annotations=described),
            spec=k8s.V1DeploymentSpec(
                replicas=first_replicas(release.config) if release.is_new else None,
                selector=k8s.V1LabelSelector(match_labels=naming.selector(spec.name)),
                template=template,
                # The new pod is ready before an old one goes.
                strategy=k8s.V1DeploymentStrategy(
                    type="RollingUpdate",
                    rolling_update=k8s.V1RollingUpdateDeployment(max_surge=1, max_unavailable=0),
                ),
                revision_history_limit=10,  # images of these can be gone back to
                progress_deadline_seconds=release.config.start_timeout_seconds + _MARGIN_SECONDS,
            ),
        )
    )


def _template_digest(template: Any) -> str:
    """Digest of everything that would replace the pods, but the revision's number."""
    content = plain(template)
    content["metadata"]["labels"].pop(naming.REVISION)
    return digest_text(json.dumps(content, sort_keys=True))[:16]


def _service(release: Release) -> Object:
    from kubernetes import client as k8s

    config = release.config
    return plain(
        k8s.V1Service(
            api_version="v1",
            kind="Service",
            metadata=metadata(release, annotations=config.annotations),
            spec=k8s.V1ServiceSpec(
                type=config.service_type,
                selector=naming.selector(release.spec.name),
                ports=[
                    k8s.V1ServicePort(
                        name="http",
                        port=config.port or DEFAULT_PORT,
                        target_port="http",
                        protocol="TCP",
                    )
                ],
            ),
        )
    )


def _budget(release: Release) -> Object:
    from kubernetes import client as k8s

    return plain(
        k8s.V1PodDisruptionBudget(
            api_version="policy/v1",
            kind="PodDisruptionBudget",
            metadata=metadata(release),
            spec=k8s.V1PodDisruptionBudgetSpec(
                max_unavailable=1,
                selector=k8s.V1LabelSelector(match_labels=naming.selector(release.spec.name)),
                # A pod that does not work must not keep a node from being drained.
                unhealthy_pod_eviction_policy="AlwaysAllow",
            ),
        )
    )


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()
