"""Refusing, or trusting on record, what the allow-list does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import UnsafeModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.entities import ContentFile
    from mlmagic.registry.inspection import Finding
    from mlmagic.registry.trust import TrustRecord

_WAYS_OUT = (
    "Register a safe format (the live object, skops, ONNX, the framework's own), or, if you trust"
    " where it comes from, register it with trust (--trust); that is recorded in the workspace."
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
    for file in files:
        mine = [found for found in findings if _holds(file, found)]
        names = [found.name for found in mine]
        if not mine or record.covers(file.sha256, names):
            continue
        if not trust:
            raise refusal(mine[0])
        reason = trust if isinstance(trust, str) else "registered with trust"
        record.remember(file.sha256, names, model=model, reason=reason)


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


def _holds(file: ContentFile, found: Finding) -> bool:
    return found.file == file.path or found.file.startswith(f"{file.path}/")
