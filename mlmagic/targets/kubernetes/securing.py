"""Whether something before a service ends TLS: then no key may go there in the clear."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.targets.kubernetes.routes import parent

if TYPE_CHECKING:
    from mlmagic.entities import KubernetesDeploymentConfig
    from mlmagic.targets.kubernetes.connection import Connection, Object

HTTPS_PORT = 443
# Certificates and listeners of clouds and controllers are named by annotations, such as
# `alb.ingress.kubernetes.io/certificate-arn` or `networking.gke.io/managed-certificates`. Who is
# taken for one that ends TLS and is none is asked by HTTPS, and a port-forward is left.
_TLS = re.compile(
    r"(?!prometheus\.io/).*(ssl|tls|cert|https|websecure|termination|allow-http=false)",
    re.IGNORECASE | re.DOTALL,
)
_OFF = re.compile(r"=(false|off|no|0|)$", re.IGNORECASE)


def ends_tls(item: Object) -> bool:
    """Whether what carries requests to an Ingress or Service, as the cluster has it, ends TLS."""
    given = (item["metadata"].get("annotations") or {}).items()
    told = [f"{key}={value}" for key, value in given]
    switched_on = [each for each in told if "allow-http=" in each or not _OFF.search(each)]
    named = any(_TLS.match(each) for each in switched_on)
    return bool(item.get("spec", {}).get("tls")) or named


def tls_port(connection: Connection, name: str, config: KubernetesDeploymentConfig) -> int | None:
    """Return the port at which an Ingress or Gateway ends TLS; None where nothing says it does.

    Raises:
        ForbiddenError: It may not be read.
        TargetError: The API server fails, or does not answer; that is no 'no'.
    """
    if not config.gateway:
        told = config.ingress_tls_secret is not None
        item = None if told else connection.get("Ingress", name)
        return HTTPS_PORT if told or (item is not None and ends_tls(item)) else None
    gateway = parent(config.gateway)
    found = connection.read(_path(gateway, connection.namespace)) or {}
    section = gateway.get("sectionName")
    listeners = [
        each
        for each in found.get("spec", {}).get("listeners") or []
        if section in (None, each.get("name"))
    ]
    return listener_port(listeners, config.ingress_host or "")


def _path(gateway: dict[str, str], namespace: str) -> str:
    prefix = "/apis/gateway.networking.k8s.io/v1/namespaces"
    return f"{prefix}/{gateway.get('namespace', namespace)}/gateways/{gateway['name']}"


def listener_port(listeners: list[Object], host: str) -> int | None:
    """Return the port of the listener of a Gateway that ends TLS for a host; None without one."""
    ports = [
        int(each["port"])
        for each in listeners
        if each.get("protocol") in ("HTTPS", "TLS") and _is_for(each.get("hostname") or "", host)
    ]
    return HTTPS_PORT if HTTPS_PORT in ports else min(ports, default=None)


def _is_for(pattern: str, host: str) -> bool:
    """Whether a listener's host name, which may begin with ``*.``, takes requests for a host."""
    return pattern in ("", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
