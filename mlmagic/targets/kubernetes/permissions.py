"""What we ask of a cluster, as a table: for the check, and as RBAC rules to hand out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.connection import Connection

_WRITE = ("get", "create", "patch", "delete")
_SEEN = ("get", "list", "watch")


@dataclass(frozen=True)
class Need:
    """One rule.

    Attributes:
        group: API group; empty for the core.
        resource: Its plural; ``pods/log`` names a part.
        verbs: What is done.
        what_for: What does not work without it.
        optional: Whether services run without it.
        cluster: Whether it lies outside namespaces.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    what_for: str
    optional: bool = False
    cluster: bool = False


NEEDS = (
    Need("apps", "deployments", (*_SEEN, "create", "patch", "delete"), "services"),
    Need("apps", "deployments/scale", ("patch",), "stop, start, number of replicas"),
    Need("apps", "replicasets", _SEEN, "states"),
    Need("", "services", _WRITE, "addresses"),
    Need("", "configmaps", _WRITE, "the record of a service"),
    Need("", "secrets", (*_WRITE, "list"), "keys, secrets and pull secrets"),
    Need("", "pods", (*_SEEN, "patch"), "states, and keys that change without a restart"),
    Need("", "pods/log", ("get",), "logs"),
    Need("", "pods/portforward", ("create", "get"), "scoring without an address", optional=True),
    Need("", "events", _SEEN, "reasons in words"),
    Need("autoscaling", "horizontalpodautoscalers", _WRITE, "autoscaling"),
    Need("policy", "poddisruptionbudgets", _WRITE, "several replicas"),
    Need("networking.k8s.io", "ingresses", _WRITE, "--ingress-host", optional=True),
    Need("gateway.networking.k8s.io", "httproutes", _WRITE, "--gateway", optional=True),
    Need("keda.sh", "scaledobjects", _WRITE, "--autoscale-requests with KEDA", optional=True),
    Need("keda.sh", "triggerauthentications", _WRITE, "the same", optional=True),
    Need("", "resourcequotas", ("list",), "quotas in words", optional=True),
    Need("", "nodes", ("list",), "what nodes have, in words", optional=True, cluster=True),
)


def lacking(connection: Connection) -> list[tuple[Need, list[str]]]:
    """Ask the server, rule by rule; returns those with the verbs that are not allowed."""
    found = []
    for need in NEEDS:
        missing = [
            verb
            for verb in need.verbs
            if not connection.may(verb, need.group, need.resource, cluster=need.cluster)
        ]
        if missing:
            found.append((need, missing))
    return found


def rules(namespace: str, account: str = "mlmagic") -> list[dict[str, Any]]:
    """Return the objects that allow a service account no more than what is needed."""
    meta = {"name": account, "namespace": namespace}
    subject = {"kind": "ServiceAccount", **meta}
    in_namespace = [_rule(need) for need in NEEDS if not need.cluster]
    outside = [_rule(need) for need in NEEDS if need.cluster]
    role = {"apiGroup": "rbac.authorization.k8s.io"}
    api = "rbac.authorization.k8s.io/v1"
    everywhere = f"{account}-{namespace}"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": api, "kind": "Role", "metadata": meta, "rules": in_namespace},
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {**role, "kind": "Role", "name": account},
            "subjects": [subject],
        },
        {
            "apiVersion": api,
            "kind": "ClusterRole",
            "metadata": {"name": everywhere},
            "rules": outside,
        },
        {
            "apiVersion": api,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": everywhere},
            "roleRef": {**role, "kind": "ClusterRole", "name": everywhere},
            "subjects": [subject],
        },
    ]


def _rule(need: Need) -> dict[str, Any]:
    return {"apiGroups": [need.group], "resources": [need.resource], "verbs": list(need.verbs)}
