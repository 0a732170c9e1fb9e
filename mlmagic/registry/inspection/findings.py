"""What needs the user's trust."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a model may not load without trust.

    Attributes:
        name: The global or type, ``module.name``; or a name of what is wrong.
        file: Name of the file; of what lies in an archive ``archive/member``.
        position: Byte in the file (decompressed), where it has one.
        why: What is wrong, where it is not the name alone.
    """

    name: str
    file: str
    position: int | None = None
    why: str = ""
