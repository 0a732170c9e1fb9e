"""How services, plans and scripts' trials look."""

from __future__ import annotations

from typing import Any

from mlmagic.presentation.blocks import Block, Facts, Lines, ListViews, Table, Views
from mlmagic.presentation.measures import age


def service(handle: Any) -> list[Block]:
    """A service now: state, why, where it answers, what to do next."""
    now = handle.snapshot()
    current: dict[str, Any] = next((rev for rev in now["revisions"] if rev.get("current")), {})
    blocks: list[Block] = [
        Facts(
            (
                ("service", now["name"]),
                ("state", now["state"]),
                ("reason", "" if now["reason"] == "Ready" else now["reason"]),
                ("message", now["message"]),
                ("next step", now["nextStep"]),
                ("scoring URI", now["scoringUri"]),
                ("target", now["target"]),
                ("replicas", f"{_ready(now)} of {now['replicasWanted']} ready"),
                ("models", now["models"]),
                ("keys", "needed" if now["auth"] == "key" else "none"),
                ("revision", f"{now['generation']}, {age(current.get('createdAt'))}".strip(", ")),
            )
        )
    ]
    if now.get("traceback"):
        blocks.append(Lines(("", *now["traceback"].splitlines())))
    return blocks


def services(handles: list[Any]) -> list[Block]:
    """A table of services."""
    rows = []
    for now in (handle.snapshot() for handle in handles):
        ready = f"{_ready(now)}/{now['replicasWanted']}"
        reason = "" if now["reason"] == "Ready" else now["reason"]
        models = ", ".join(now["models"])
        rows.append(
            (now["name"], now["state"], reason, ready, now["target"], models, now["scoringUri"])
        )
    columns = ("name", "state", "reason", "ready", "target", "models", "scoring URI")
    return [Table(columns, rows, empty="No service is deployed yet. Start with %deploy.")]


def _ready(now: dict[str, Any]) -> int:
    return sum(bool(replica["ready"]) for replica in now["replicas"])


def keys(pair: Any) -> list[Block]:
    """The two keys, shown because they were asked for."""
    return [Facts((("primary", pair["primaryKey"]), ("secondary", pair["secondaryKey"])))]


SERVICE_VIEWS: Views = {"Webservice": service, "keys": keys}
SERVICE_LISTS: ListViews = {"Webservice": services}
