"""How the contents of a model get where those who need them find them, before it is visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mlmagic.errors import RegistryError
from mlmagic.registry.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmagic.entities import ContentFile
    from mlmagic.registry.catalogue import Catalogue
    from mlmagic.registry.content import ContentStore

T = TypeVar("T")

_ATTEMPTS = 5


class Sharing:
    """The order of things: claim, upload, then the transaction that needs the contents.

    Args:
        content: The workspace's store, with the shared store behind it, if there is one.
        catalogue: Opens the catalogue.
    """

    def __init__(self, content: ContentStore, catalogue: Callable[[], Catalogue]) -> None:
        self.content = content
        self._catalogue = catalogue

    @property
    def active(self) -> bool:
        """Whether there is a shared store."""
        return self.content.remote is not None

    def commit(
        self,
        files: Sequence[ContentFile],
        transaction: Callable[[bool], T],
        on_event: Callable[[str], None] | None = None,
        meter: Meter | None = None,
    ) -> T:
        """Run a transaction whose record names contents, when they are safe.

        Args:
            files: The contents; they are in the workspace's store.
            transaction: Told whether contents are claimed, and thus have to be renewed.
            on_event: Receives lines of progress.
            meter: Hears of each piece that is uploaded.
        """
        from mlmagic.registry.catalogue import ContentsCollectedError

        meter = meter or Meter()
        for _ in range(_ATTEMPTS):
            if self.active:
                self._upload(files, on_event, meter)
            else:
                self._renew(files)
            meter.check()
            try:
                return transaction(self.active)
            except ContentsCollectedError:
                continue
        raise RegistryError(
            "Contents were collected as fast as they were uploaded.",
            hint="Give %ml model gc a longer grace time.",
        )

    def _renew(self, files: Sequence[ContentFile]) -> None:
        for file in self.content.renew_all(files):
            raise RegistryError(
                f"The content of '{file.path}' vanished before it was registered.",
                hint="Register it again.",
            )

    def _upload(
        self,
        files: Sequence[ContentFile],
        on_event: Callable[[str], None] | None,
        meter: Meter,
    ) -> None:
        remote = self.content.remote
        assert remote is not None  # noqa: S101 - there is a shared store
        meter.begin("uploading", sum(file.size for file in files))
        self._catalogue().claim(files)
        for file in files:
            meter.check()
            if remote.has(file):
                meter.count(file.size)
            else:
                remote.put(file, self.content.check(file, meter), on_event, meter)
