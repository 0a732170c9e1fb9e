"""Which workspace made which image: an engine is shared, and images are equal wherever made."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mlmagic.files import digest_text, write_atomically


class Claims:
    """``CACHE/images/claims``: a workspace prunes what it made, and leaves what others did.

    This cannot be a label, for an image's id must not depend on where it was made.

    Args:
        root: ``CACHE/images``.
        workspace: Who asks; None claims nothing.
    """

    def __init__(self, root: Path, workspace: Path | None) -> None:
        self._folder = root / "claims"
        self._workspace = workspace

    def note(self, image_id: str) -> None:
        """Remember that this workspace made an image."""
        if self._workspace is not None:
            with suppress(OSError):  # a cache that others own can be used, not marked
                write_atomically(self._mark(image_id, self._workspace), str(self._workspace))

    def may_remove(self, image_id: str) -> bool:
        """Whether somebody of this cache made an image, and no other workspace that exists did."""
        roots = self._roots(image_id)
        others = (root for root in roots if root != self._workspace)
        return bool(roots) and not any((root / ".mlmagic").is_dir() for root in others)

    def drop(self, image_id: str) -> None:
        """Forget an image that is gone."""
        place = self._place(image_id)
        with suppress(OSError):
            for mark in place.iterdir():
                mark.unlink()
            place.rmdir()

    def _roots(self, image_id: str) -> list[Path]:
        try:
            return [Path(mark.read_text("utf-8")) for mark in self._place(image_id).iterdir()]
        except OSError:
            return []

    def _place(self, image_id: str) -> Path:
        return self._folder / image_id.removeprefix("sha256:")

    def _mark(self, image_id: str, workspace: Path) -> Path:
        return self._place(image_id) / digest_text(str(workspace))[:16]
