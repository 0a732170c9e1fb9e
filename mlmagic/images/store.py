"""What was found out about base images, kept by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.errors import ConfigurationError, ImagePullError
from mlmagic.files import read_record, storage_faults, write_record
from mlmagic.images.bases import Configuration, Python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class FactStore:
    """``CACHE/images/bases``: an image never changes under its id.

    Args:
        root: ``CACHE/images``.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "bases"

    def python(
        self, configuration: Configuration, wanted: str | None, look: Callable[[], Python]
    ) -> Python:
        """Return the Python of an image, looking for it once."""
        name = configuration.id.removeprefix("sha256:")
        path = self._folder / f"{name}-{wanted or 'any'}.json"
        try:
            return read_record(path, Python)
        except (FileNotFoundError, ConfigurationError):
            found = look()
            with storage_faults(path, ImagePullError):
                write_record(path, found)
            return found
