"""Tar archives, compressed or not: what lies in them is inspected, not unpacked."""

from __future__ import annotations

import tarfile
import zlib
from lzma import LZMAError
from typing import IO

from mlmagic.registry.inspection.findings import Finding

_MAGIC_AT, _MAGIC = 257, b"ustar"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_LARGEST = 64 << 30  # bytes, unpacked


def begins(stream: IO[bytes]) -> bool:
    """Say whether a tar begins here; the stream is at its start again."""
    head = stream.read(_MAGIC_AT + len(_MAGIC))
    stream.seek(0)
    if head.startswith(_COMPRESSED):
        return _opens(stream)
    return head[_MAGIC_AT:] == _MAGIC


def _opens(stream: IO[bytes]) -> bool:
    """Say whether there is a tar in what is compressed."""
    try:
        with tarfile.open(fileobj=stream, mode="r:*"):
            return True
    except (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError):
        return False
    finally:
        stream.seek(0)


def scan(stream: IO[bytes], name: str, depth: int) -> list[Finding]:
    """Inspect the members of a tar."""
    from mlmagic.registry.inspection.content import look_into

    findings: list[Finding] = []
    total = 0
    with tarfile.open(fileobj=stream, mode="r:*") as archive:
        for member in archive:
            total += member.size
            if total > _LARGEST:
                why = f"it unpacks to more than {_LARGEST >> 30} GiB"
                return [*findings, Finding(name="archive", file=name, why=why)]
            opened = archive.extractfile(member) if member.isfile() else None
            if opened is not None:
                inner = f"{name}/{member.name}"
                findings += look_into(opened, member.size, inner, depth=depth + 1).findings
    return findings
