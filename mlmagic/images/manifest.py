"""An image as OCI describes it: a manifest that names a configuration and layers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmagic.files import digest_bytes
from mlmagic.images.blobs import Blob

if TYPE_CHECKING:
    from mlmagic.images.blobs import BlobStore
    from mlmagic.images.image import Image

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True)
class Packed:
    """An image, ready to be kept by a registry or in a folder.

    Attributes:
        manifest: The bytes whose digest names the image in registries.
        config: The configuration.
        layers: All layers, the base's first.
    """

    manifest: bytes
    config: Blob
    layers: tuple[Blob, ...]

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 digits of the manifest."""
        return f"sha256:{digest_bytes(self.manifest)}"


def pack(image: Image, blobs: BlobStore) -> Packed:
    """Describe an image; equal images give equal manifests.

    Raises:
        ImagePullError: The base's layers cannot be had.
    """
    config = Blob(image.id, len(image.configuration), CONFIG, lambda: [image.configuration])
    layers = (
        *image.base.source.blobs(blobs),
        *(blobs.layer(layer) for layer in image.layers),
    )
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor for layer in layers],
    }
    data = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return Packed(data, config, layers)
