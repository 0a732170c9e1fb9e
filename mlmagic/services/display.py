"""A service in words: text for terminals, HTML for notebooks without a live panel."""

from __future__ import annotations

import sys
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MIME_TYPE = "application/vnd.mlmagic.service+json"


def write_line(line: str) -> None:
    """Write a line of progress where the user sees it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def as_text(snapshot: Mapping[str, Any]) -> str:
    """Tell of a service in a few lines."""
    lines = [f"{snapshot['name']}  {snapshot['state']}  {snapshot['message']}"]
    lines += [f"  {label:<9} {value}" for label, value in _facts(snapshot)]
    if snapshot["traceback"]:
        lines += ["", *snapshot["traceback"].splitlines()]
    return "\n".join(lines)


def mimebundle(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service for every kind of reader."""
    return {
        "text/plain": as_text(snapshot),
        "text/html": as_html(snapshot),
        MIME_TYPE: dict(snapshot),
    }


def as_html(snapshot: Mapping[str, Any]) -> str:
    """Tell of a service as a small table."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(label)}</th>"
        f"<td style='text-align:left'>{escape(value)}</td></tr>"
        for label, value in _facts(snapshot)
    )
    head = (
        f"<strong>{escape(snapshot['name'])}</strong> {escape(snapshot['state'])}. "
        f"{escape(snapshot['message'])}"
    )
    trace = f"<pre>{escape(snapshot['traceback'])}</pre>" if snapshot["traceback"] else ""
    return f"<div>{head}<table>{rows}</table>{trace}</div>"


def _facts(snapshot: Mapping[str, Any]) -> list[tuple[str, str]]:
    ready = sum(replica["ready"] for replica in snapshot["replicas"])
    facts = [
        ("scoring", snapshot["scoringUri"] or ""),
        ("internal", _if_other(snapshot["internalUri"], snapshot["scoringUri"])),
        ("target", snapshot["target"]),
        ("models", ", ".join(snapshot["models"])),
        ("revision", str(snapshot["generation"] or "")),
        ("workers", f"{ready} of {snapshot['replicasWanted']} ready" if ready else ""),
        ("next", snapshot["nextStep"]),
    ]
    return [(label, value) for label, value in facts if value]


def _if_other(value: str | None, shown: str | None) -> str:
    return value if value and value != shown else ""
