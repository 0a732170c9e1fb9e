"""What we ask of a cluster, as a table: for the check, and as RBAC rules to hand out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.targets.kubernetes.connection import Connection

_AT_ONCE = 8
_WRITE = ("get", "create", "patch", "delete")
_SEEN = ("list", "watch")


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
    Need("apps", "deployments", ("get", *_SEEN, "create", "patch", "delete"), "services"),
    Need("apps", "deployments/scale", ("patch",), "stop, start, number of replicas"),
    Need("apps", "replicasets", ("list",), "images that are there"),
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
    Need("gateway.networking.k8s.io", "gateways", ("get",), "whether it ends TLS", optional=True),
    Need("keda.sh", "scaledobjects", _WRITE, "--autoscale-requests with KEDA", optional=True),
    Need("keda.sh", "triggerauthentications", _WRITE, "the same", optional=True),
    Need("", "namespaces", ("get",), "whether it is there, in words", optional=True),
    Need("", "serviceaccounts", ("get",), "pull secrets of the pods' own", optional=True),
    Need("", "resourcequotas", ("list",), "quotas in words", optional=True),
    Need("", "limitranges", ("list",), "sizes that the namespace takes", optional=True),
    Need("", "nodes", ("list",), "what nodes have, in words", optional=True, cluster=True),
)


def lacking(connection: Connection) -> list[tuple[Need, list[str]]]:
    """Return the rules that our credentials do not meet, with the verbs that are not allowed.

    One request tells what is granted in the namespace. Asked one by one is what that does not
    tell: rights outside it, and those of an authorizer that does not list them.
    """
    granted, are_all = connection.granted()

    def may(need: Need, verb: str) -> bool:
        if not need.cluster and any(_grants(rule, need, verb) for rule in granted):
            return True
        asked = need.cluster or not are_all
        return asked and connection.may(verb, need.group, need.resource, cluster=need.cluster)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = [pool.map(partial(may, need), need.verbs) for need in NEEDS]
        found = [
            (need, [verb for verb, allowed in zip(need.verbs, told, strict=True) if not allowed])
            for need, told in zip(NEEDS, answers, strict=True)
        ]
    return [(need, verbs) for need, verbs in found if verbs]


def _grants(rule: Mapping[str, Any], need: Need, verb: str) -> bool:
    part = need.resource.partition("/")[2]
    wanted = {
        "verbs": {"*", verb},
        "apiGroups": {"*", need.group},
        "resources": {"*", need.resource, f"*/{part}" if part else need.resource},
    }
    fits = all(each & {*(rule.get(name) or ())} for name, each in wanted.items())
    return fits and not rule.get("resourceNames")  # else it is about some objects alone


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
