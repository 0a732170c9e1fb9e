"""Refusing, or trusting on record, what the allow-list does not know."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlmagic.errors import UnsafeModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.entities import ContentFile
    from mlmagic.registry.inspection import Finding
    from mlmagic.registry.trust import TrustRecord

_WAYS_OUT = (
    "Register a safe format (the live object, skops, ONNX, the framework's own), or, if you trust"
    " where it comes from, register it once with trust ('%ml model register -n NAME -p FILE"
    " --trust'): the workspace keeps that for these very bytes."
)


def decide_trust(
    findings: Sequence[Finding],
    files: Sequence[ContentFile],
    record: TrustRecord,
    *,
    model: str,
    trust: bool | str,
) -> None:
    """Let a model pass, or refuse it.

    A decision holds for the very bytes it was made for, so it needs not be repeated for them.

    Args:
        findings: What is outside the allow-list.
        files: The model's files, stored.
        record: The workspace's decisions.
        model: Name of the model.
        trust: Whether the user trusts it; a text says why.

    Raises:
        UnsafeModelError: Something is outside, and nobody trusts it.
    """
    within: dict[str, list[Finding]] = {}
    for found in findings:
        for place in (found.file, *map(str, PurePosixPath(found.file).parents)):
            within.setdefault(place, []).append(found)
    strange: dict[str, list[Finding]] = {}
    for file in files:
        # Equal bytes under two names can be read in two ways: all that is found counts.
        if file.path in within:
            strange.setdefault(file.sha256, []).extend(within[file.path])
    names = {sha256: {found.name for found in mine} for sha256, mine in strange.items()}
    new = record.lacking(names)
    if new and not trust:
        raise refusal(strange[new[0]][0])
    reason = trust if isinstance(trust, str) else "registered with trust"
    record.remember({sha256: names[sha256] for sha256 in new}, model=model, reason=reason)


def refusal(found: Finding) -> UnsafeModelError:
    """Say what is outside the allow-list, where, and the two ways out."""
    place = f"the file '{found.file}'"
    if found.position is not None:
        place += f" at byte {found.position}"
    if found.name.startswith("__main__."):
        return UnsafeModelError(
            f"'{found.name}' ({place}) is defined in the notebook and does not exist elsewhere.",
            hint="Put it into a module that travels with the script, or register a format"
            " without code (ONNX, the framework's own).",
        )
    if found.why:
        return UnsafeModelError(
            f"'{found.name}' in {place} may not be loaded: {found.why}.", hint=_WAYS_OUT
        )
    return UnsafeModelError(
        f"'{found.name}' in {place} is outside the allow-list of globals that a model may load.",
        hint=_WAYS_OUT,
    )
