"""What a quota of the namespace leaves for services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.entities import Check, KubernetesDeploymentConfig
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.release import LIMITS, requests_of

if TYPE_CHECKING:
    from mlmagic.targets.kubernetes.connection import Connection

# What a service is made of besides its pods, as quotas count it: replicas and updates make no more.
_KINDS = ("configmaps", "deployments.apps", "secrets", "services")
_OBJECTS = frozenset((*_KINDS, *(f"count/{each}" for each in _KINDS)))
# Quotas of other scopes count pods that are not ours.
_OUR_SCOPES = {"NotBestEffort", "NotTerminating"}


def examine_quota(quota: dict[str, Any]) -> Check:
    """Compare what a quota leaves with what one more replica, or service, asks for.

    A replica that says nothing of its size is compared. An update needs as much as a deployment:
    the new pod is ready before the old one goes.

    Args:
        quota: The ``ResourceQuota``.
    """
    from kubernetes.utils import parse_quantity

    name = f"quota '{quota['metadata']['name']}'"
    status = quota.get("status", {})
    hard, used = status.get("hard", {}), status.get("used", {})
    if not hard:
        return Check(name=name, state="ok", found="not counted yet")
    ours = _is_for_us(quota.get("spec", {}))
    asked = _asked() if ours else {}
    said, full, tight, crowded = [], False, False, False
    for resource, most in hard.items():
        taken = used.get(resource, "0")
        words = f"{resource}: {taken} of {most} used"
        if resource in asked:
            left = parse_quantity(most) - parse_quantity(taken)
            short = left < parse_quantity(asked[resource])
            if resource in _OBJECTS:
                crowded, who = crowded or short, "service"
            else:
                full, tight, who = full or (short and left <= 0), tight or short, "replica"
            words += f", a {who} asks for {asked[resource]}" if short else ""
        said.append(words)
    found = "; ".join(said) if ours else f"{'; '.join(said)} (for pods of other kinds)"
    if full:
        return Check(
            name=name,
            state="missing",
            found=f"no room for one replica more, which updates need too: {found}",
            advice="Delete what is not needed (%ml service list), or ask for a larger quota.",
        )
    if tight:
        return Check(
            name=name,
            state="optional",
            found=f"no room for a replica that says nothing of its size: {found}",
            advice="Deploy with less (--cpu, --memory), or ask for a larger quota.",
        )
    if crowded:
        return Check(
            name=name,
            state="optional",
            found=f"no room for another service: {found}",
            advice="Delete what is not needed (%ml service list), or ask for a larger quota.",
        )
    limits = [option for name, option in LIMITS.items() if ours and wants_limit(name, [quota])]
    advice = f"Pods have to say their limits: deploy with {' '.join(limits)}." if limits else ""
    return Check(name=name, state="ok", found=found, advice=advice)


def all_quotas(connection: Connection) -> list[dict[str, Any]]:
    """Return the quotas of the namespace; none where they may not be seen."""
    try:
        return connection.list("ResourceQuota")[0]
    except ForbiddenError:
        return []


def our_quotas(connection: Connection) -> list[dict[str, Any]]:
    """Return the quotas that count our pods, as far as they may be seen."""
    return [each for each in all_quotas(connection) if _is_for_us(each.get("spec", {}))]


def wants_limit(resource: str, quotas: list[dict[str, Any]]) -> str:
    """Return the name of a quota that takes no pod without a limit; empty without one."""
    names = [
        each["metadata"]["name"]
        for each in quotas
        if f"limits.{resource}" in each.get("spec", {}).get("hard", {})
    ]
    return next(iter(names), "")


def _is_for_us(spec: dict[str, Any]) -> bool:
    return not spec.get("scopeSelector") and set(spec.get("scopes") or ()) <= _OUR_SCOPES


def _asked() -> dict[str, str]:
    """Return what a new service of one replica asks for, by all names that quotas have for it."""
    pod = requests_of(KubernetesDeploymentConfig())
    objects = dict.fromkeys(_OBJECTS, "1")
    requests = {f"requests.{resource}": amount for resource, amount in pod.items()}
    return {"pods": "1", "count/pods": "1", **objects, **pod, **requests}
