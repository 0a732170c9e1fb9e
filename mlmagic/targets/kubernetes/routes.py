"""How requests from outside reach a service: an Ingress, or a route of a Gateway."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.release import Release

_LABEL = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_GATEWAY = re.compile(
    rf"(?:(?P<namespace>{_LABEL})/)?(?P<name>{_LABEL})(?::(?P<sectionName>{_LABEL}))?"
)


def route(release: Release, metadata: Any) -> dict[str, Any]:
    """Return the Ingress of a service, or its HTTPRoute where it names a Gateway."""
    return _http_route(release, metadata) if release.config.gateway else _ingress(release, metadata)


def parent(gateway: str) -> dict[str, str]:
    """Return the reference of a route to a Gateway.

    Args:
        gateway: ``[NAMESPACE/]NAME[:LISTENER]``.

    Returns:
        Empty where it is none.
    """
    found = _GATEWAY.fullmatch(gateway)
    parts = ("name", "namespace", "sectionName")
    return {part: found[part] for part in parts if found[part]} if found else {}


def _ingress(release: Release, metadata: Any) -> dict[str, Any]:
    from kubernetes import client as k8s

    from mlmagic.targets.kubernetes.objects import plain

    config = release.config
    backend = k8s.V1IngressBackend(
        service=k8s.V1IngressServiceBackend(
            name=release.spec.name, port=k8s.V1ServiceBackendPort(name="http")
        )
    )
    path = k8s.V1HTTPIngressPath(path="/", path_type="Prefix", backend=backend)
    tls = None
    if config.ingress_tls_secret:
        hosts = [config.ingress_host] if config.ingress_host else None
        tls = [k8s.V1IngressTLS(hosts=hosts, secret_name=config.ingress_tls_secret)]
    rule = k8s.V1IngressRule(
        host=config.ingress_host, http=k8s.V1HTTPIngressRuleValue(paths=[path])
    )
    return plain(
        k8s.V1Ingress(
            api_version="networking.k8s.io/v1",
            kind="Ingress",
            metadata=metadata,
            spec=k8s.V1IngressSpec(ingress_class_name=config.ingress_class, rules=[rule], tls=tls),
        )
    )


def _http_route(release: Release, metadata: Any) -> dict[str, Any]:
    """Gateways are not among the types of the client."""
    from mlmagic.targets.kubernetes.objects import DEFAULT_PORT, plain

    config = release.config
    backend = {"name": release.spec.name, "port": config.port or DEFAULT_PORT}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": plain(metadata),
        "spec": {
            "parentRefs": [parent(config.gateway or "")],
            "hostnames": [config.ingress_host],
            "rules": [{"backendRefs": [backend]}],
        },
    }
