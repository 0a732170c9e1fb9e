"""Sizes, times and digests in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_THOUSAND = 1000
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def size(count: int) -> str:
    """Return bytes in decimal units.

    Example:
        >>> size(9612), size(12)
        ('9.6 kB', '12 B')
    """
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _THOUSAND:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _THOUSAND
    return f"{amount:.1f} TB"


def seconds(value: float) -> str:
    """Return a duration.

    Example:
        >>> seconds(0.31), seconds(0.0021), seconds(75)
        ('0.31 s', '2.1 ms', '75 s')
    """
    if value < 0.1:  # noqa: PLR2004 - from here on milliseconds read better
        return milliseconds(value * _THOUSAND)
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"  # noqa: PLR2004 - two digits do


def milliseconds(value: float) -> str:
    """Return a duration given in milliseconds."""
    return f"{value:.1f} ms" if value < _THOUSAND else seconds(value / _THOUSAND)


def digest(sha256: str) -> str:
    """Return the start of a digest: ``sha256:1f0c93…``."""
    return f"sha256:{sha256[:6]}…"


def age(moment: datetime | str | None) -> str:
    """Say how long ago something was."""
    if not moment:
        return ""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    passed = max(0, int((datetime.now(UTC) - at).total_seconds()))
    if passed < _MINUTE:
        return "just now"
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if passed >= length:
            return f"{passed // length} {unit} ago"
    return ""


def clock(moment: str | None) -> str:
    """Return a moment as people read it, which stays true while it is looked at.

    Example:
        >>> clock("2026-11-26T21:16:15.030941+00:00")
        '2026-11-26 21:16:15 UTC'
    """
    if not moment:
        return ""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shape(sizes: tuple[int, ...]) -> str:
    """Say a sample's shape: ``2 rows x 10 columns``."""
    if len(sizes) == 2:  # noqa: PLR2004 - a table has two
        rows, columns = sizes
        return f"{plural(rows, 'row')} x {plural(columns, 'column')}"
    return " x ".join(str(length) for length in sizes)


def plural(count: int, word: str) -> str:
    """Return ``1 row``, ``2 rows``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def pairs(mapping: dict[str, Any] | None) -> str:
    """Return tags and such as ``area=health, stage=test``."""
    return ", ".join(f"{key}={value}" for key, value in (mapping or {}).items())


def shorten(text: str, length: int = 88) -> str:
    """Cut a long text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
