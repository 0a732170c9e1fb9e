"""Which distribution provides an import name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.environments.distributions import installed

if TYPE_CHECKING:
    from collections.abc import Collection

# Used only for names that the running interpreter does not have.
_WELL_KNOWN = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "google": "google-api-core",
    "inference_schema": "inference-schema",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def suggest_distribution(top: str) -> str:
    """Return the distribution to add for a top-level import name."""
    found = installed().modules.get(top)
    return found[0] if found else _WELL_KNOWN.get(top, top)


def is_available(top: str, available: Collection[str]) -> bool:
    """Tell whether an environment provides a name, given its import names or distributions."""
    if top in available:
        return True
    provided = {_normal(name) for name in available}
    names = {top, _WELL_KNOWN.get(top, top), *installed().modules.get(top, ())}
    return any(_normal(name) in provided for name in names)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
