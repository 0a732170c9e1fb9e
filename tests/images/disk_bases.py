"""Bases as files, made by hand: a layer with a program that may be Python, and one above it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from mlmagic.images.images import host_architecture

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

PROGRAM = "usr/local/bin/python3.11"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tar(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def packed(layer: bytes) -> bytes:
    """Compress in two members, as pigz and this project do."""
    return gzip.compress(layer[:700]) + gzip.compress(layer[700:])


def configuration(layers: Sequence[bytes], architecture: str) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}
    return json.dumps({"architecture": architecture, "os": "linux", "rootfs": rootfs}).encode()


def layout_files(layers: Sequence[bytes], architecture: str) -> dict[str, bytes]:
    blobs: dict[str, bytes] = {}

    def add(kind: str, data: bytes) -> dict[str, Any]:
        blobs[f"blobs/sha256/{digest(data)[7:]}"] = data
        media_type = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "config": add("config.v1+json", configuration(layers, architecture)),
        "layers": [add("layer.v1.tar+gzip", packed(layer)) for layer in layers],
    }
    top = add("manifest.v1+json", json.dumps(manifest).encode())
    index = {"schemaVersion": 2, "manifests": [top]}
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
        **blobs,
    }


def saved_files(layers: Sequence[bytes], architecture: str) -> dict[str, bytes]:
    named = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    listed = [{"Config": "config.json", "RepoTags": ["some:1"], "Layers": [*named]}]
    return {
        "manifest.json": json.dumps(listed).encode(),
        "config.json": configuration(layers, architecture),
        **named,
    }


def write(
    folder: Path,
    kind: str,
    *,
    program: str = PROGRAM,
    architecture: str | None = None,
    above: Iterable[str] = (),
) -> str:
    """Write a base of one layer, or two with files above it, and return its reference."""
    make = saved_files if kind == "docker-archive" else layout_files
    layers = [tar({"etc/motd": b"x" * 3000, program: b""})]
    if upper := dict.fromkeys(above, b""):
        layers.append(tar(upper))
    content = make(layers, architecture or host_architecture())
    place = folder / kind
    if kind == "oci":
        for name, data in content.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
    else:
        place.write_bytes(tar(content))
    return f"{kind}:{place}"
