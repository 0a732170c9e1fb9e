"""A service as HTML and as text: pure functions of ``Webservice.snapshot()``.

They are what a notebook shows without a kernel behind it - on GitHub, in nbconvert's pages, after
papermill - so they hold no script, and read well where every style is taken away.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from mlmagic.colours import BAD, BUSY, CODE, GOOD, LINE, MUTED, WARN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Snapshot = Mapping[str, Any]

SERVICE_MIME_TYPE = "application/vnd.mlmagic.service+json"

_CODE = f"font-family: {CODE}; font-size: 12px; background: none; padding: 0"
_CARD = (
    f"border: 1px solid {LINE}; border-radius: 8px; padding: 12px 16px; max-width: 860px; "
    "font-size: 13px; line-height: 1.5"
)
_COLOURS = {
    "Healthy": GOOD,
    "Transitioning": BUSY,
    "Unhealthy": WARN,
    "Unschedulable": WARN,
    "Failed": BAD,
}


def mime_bundle(snapshot: Snapshot) -> dict[str, Any]:
    """Return the snapshot for people (HTML, text) and for programs (JSON)."""
    return {
        "text/plain": render_text(snapshot),
        "text/html": render_html(snapshot),
        SERVICE_MIME_TYPE: dict(snapshot),
    }


def state_word(snapshot: Snapshot) -> str:
    """Return the state as it is shown: a stopped service is called so."""
    stopped = snapshot["reason"] == "Stopped" and snapshot["state"] not in ("Deleting", "Deleted")
    return "Stopped" if stopped else str(snapshot["state"])


def render_text(snapshot: Snapshot) -> str:
    """Return the service as lines of text."""
    lines = [f"{snapshot['name']}  {state_word(snapshot)}  {snapshot['message']}".rstrip()]
    if snapshot["traceback"]:
        lines += ["", *_indented(snapshot["traceback"].rstrip().splitlines()), ""]
    facts = [*_facts(snapshot), ("as of", _minute(snapshot["updatedAt"]))]
    width = max(len(label) for label, _ in facts)
    lines += [f"    {label:<{width}}  {value}" for label, value in facts]
    if _says_more(snapshot):
        lines.append(f"    {snapshot['nextStep']}")
    if snapshot["commands"]:
        lines += ["    next:", *_indented(snapshot["commands"], by=6)]
    return "\n".join(lines)


def render_html(snapshot: Snapshot) -> str:
    """Return the service as a card of HTML without script."""
    parts = [_headline(snapshot)]
    if snapshot["message"]:
        parts.append(f'<div style="color: {MUTED}">{escape(snapshot["message"])}</div>')
    if _says_more(snapshot):
        parts.append(f"<div>{escape(snapshot['nextStep'])}</div>")
    if snapshot["traceback"]:
        parts.append(_traceback(snapshot["traceback"]))
    parts.append(_facts_table(snapshot))
    if snapshot["replicas"]:
        parts.append(_replicas_table(snapshot["replicas"]))
    if snapshot["commands"]:
        parts += [f'<div style="color: {MUTED}">next</div>', _commands(snapshot["commands"])]
    return f'<div class="mlmagic-service" style="{_CARD}">\n' + "\n".join(parts) + "\n</div>"


def _says_more(snapshot: Snapshot) -> bool:
    """Whether the next step is more than one of the commands."""
    return bool(snapshot["nextStep"]) and snapshot["nextStep"] not in snapshot["commands"]


def _facts(snapshot: Snapshot) -> list[tuple[str, str]]:
    replicas = snapshot["replicas"]
    ready = sum(bool(replica["ready"]) for replica in replicas)
    current = next((one for one in snapshot["revisions"] if one["current"]), None)
    facts = [
        ("reason", snapshot["reason"] if snapshot["state"] != "Healthy" else ""),
        ("scoring URI", snapshot["scoringUri"] or ""),
        ("internal URI", _internal_uri(snapshot)),
        ("reached by", snapshot["addressKind"]),
        ("replicas", f"{ready} of {snapshot['replicasWanted']} ready" if replicas else ""),
        ("models", ", ".join(snapshot["models"])),
        ("revision", _revision(current) if current else ""),
        ("target", snapshot["target"]),
    ]
    return [(label, value) for label, value in facts if value]


def _internal_uri(snapshot: Snapshot) -> str:
    uri = snapshot["internalUri"]
    return uri if uri and uri != snapshot["scoringUri"] else ""


def _revision(revision: Mapping[str, Any]) -> str:
    note = f" ({revision['note']})" if revision["note"] else ""
    return f"{revision['generation']}{note}"


def _indented(lines: Iterable[str], *, by: int = 4) -> list[str]:
    return [" " * by + line for line in lines]


def _headline(snapshot: Snapshot) -> str:
    state = state_word(snapshot)
    colour = _COLOURS.get(state, MUTED)
    at = f'<small style="color: {MUTED}">as of {escape(_minute(snapshot["updatedAt"]))}</small>'
    return (
        f'<div><strong style="font-size: 15px">{escape(snapshot["name"])}</strong> &nbsp;'
        f'<strong style="color: {colour}">{escape(state)}</strong> &nbsp;{at}</div>'
    )


def _minute(time: str) -> str:
    """Cut an ISO time to the minute; its zone stays."""
    zone = " UTC" if time.endswith(("Z", "+00:00")) else ""
    return time[:16].replace("T", " ") + zone


def _traceback(text: str) -> str:
    style = (
        f"{_CODE}; margin: 8px 0; padding: 8px 12px; overflow: auto; border-left: 3px solid {BAD}"
    )
    return f'<pre style="{style}">{escape(text.rstrip())}</pre>'


def _facts_table(snapshot: Snapshot) -> str:
    rows = [[label, _code(value)] for label, value in _facts(snapshot)]
    return _table([], rows)


def _replicas_table(replicas: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [
            _code(replica["name"]),
            escape(replica["stage"]),
            str(replica["restarts"]),
            _megabytes(replica["memoryBytes"]),
        ]
        for replica in replicas
    ]
    return _table(["replica", "stage", "restarts", "memory"], rows)


def _megabytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1_000_000:.0f} MB"


def _commands(commands: Iterable[str]) -> str:
    return "".join(f"<div>{_code(command)}</div>" for command in commands)


def _code(text: str) -> str:
    return f'<code style="{_CODE}">{escape(str(text))}</code>'


def _table(titles: list[str], rows: Iterable[list[str]]) -> str:
    """Make a table of escaped cells; the first column names the row."""
    cell = "text-align: left; padding: 1px 16px 1px 0; border: 0; font-weight: normal"
    head = "".join(f'<th style="{cell}; color: {MUTED}">{title}</th>' for title in titles)
    first = cell if titles else f"{cell}; color: {MUTED}"
    body = "".join(
        f'<tr style="background: none"><th style="{first}">{row[0]}</th>'
        + "".join(f'<td style="{cell}">{value}</td>' for value in row[1:])
        + "</tr>"
        for row in rows
    )
    style = "border-collapse: collapse; margin: 6px 0; font-size: 13px; border: 0"
    return f'<table style="{style}">{f"<tr>{head}</tr>" if head else ""}{body}</table>'
