"""Images: an environment image built once, a service image on top of it in no time.

Layers are made on this machine with uv, the same bytes each time, and put together into an image
that a Docker engine loads or a registry takes by HTTP: no build, no engine needed, equal ids.

Names are loaded when they are first used: neither the client of Docker nor requests is imported
early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from mlmagic.images.bases import Base
    from mlmagic.images.connecting import connect
    from mlmagic.images.engine import Engine
    from mlmagic.images.image import Image
    from mlmagic.images.images import Images, serve_command
    from mlmagic.images.packaging import Package, PackageRequest, package
    from mlmagic.images.reference import Reference

_HOMES = {
    "Base": "bases",
    "Engine": "engine",
    "Image": "image",
    "Images": "images",
    "Package": "packaging",
    "PackageRequest": "packaging",
    "Reference": "reference",
    "connect": "connecting",
    "package": "packaging",
    "serve_command": "images",
}

__all__ = [
    "Base",
    "Engine",
    "Image",
    "Images",
    "Package",
    "PackageRequest",
    "Reference",
    "connect",
    "package",
    "serve_command",
]


__getattr__, __dir__ = lazily(__name__, _HOMES)
