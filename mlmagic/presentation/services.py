"""How services, plans and keys look."""

from __future__ import annotations

from typing import Any

from mlmagic.presentation.blocks import Block, Facts, Lines, ListViews, Table, Views


def service(handle: Any) -> list[Block]:
    """A service now, in its own words."""
    return [Lines((*unchanged(handle), *repr(handle).splitlines()))]


def unchanged(handle: Any) -> list[str]:
    """Say that a deployment had nothing to do, where it had."""
    if getattr(handle, "outcome", "") != "unchanged":
        return []
    return [f"{handle.name}  unchanged (same specification)"]


def services(handles: list[Any]) -> list[Block]:
    """A table of services."""
    return [services_table([handle.snapshot() for handle in handles])]


def services_table(snapshots: list[dict[str, Any]]) -> Table:
    """Return a table of services by their snapshots."""
    rows = []
    for now in snapshots:
        ready = f"{_ready(now)}/{now['replicasWanted']}"
        reason = "" if now["reason"] == "Ready" else now["reason"]
        models = ", ".join(now["models"])
        rows.append(
            (now["name"], now["state"], reason, ready, now["target"], models, now["scoringUri"])
        )
    columns = ("name", "state", "reason", "ready", "target", "models", "scoring URI")
    return Table(columns, rows, empty="No service is deployed yet. Start with %deploy.")


def _ready(now: dict[str, Any]) -> int:
    return sum(bool(replica["ready"]) for replica in now["replicas"])


def keys(pair: Any) -> list[Block]:
    """The two keys, shown because they were asked for."""
    return [Facts((("primary", pair["primaryKey"]), ("secondary", pair["secondaryKey"])))]


def plan(found: Any) -> list[Block]:
    """What a deployment would change."""
    return [Lines(tuple(str(found).splitlines()))]


SERVICE_VIEWS: Views = {"Webservice": service, "Plan": plan, "keys": keys}
SERVICE_LISTS: ListViews = {"Webservice": services}
