"""How far a registration is, in bytes, and how it is ended from another thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.cancelling import Cancellation
from mlmagic.errors import RegistrationCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from mlmagic.errors import CancelledError


class Meter(Cancellation):
    """How far a registration is; what is cancelled ends at the next piece.

    Args:
        on_change: Called after each piece, by the thread that does the work.
        error: Raised where it is cancelled; None is a registration's.

    Attributes:
        stage: What is being done, of a registration ``downloading``, ``inspecting``, ``reading``,
            ``copying`` or ``uploading``.
        done: Bytes of this stage that are done.
        total: Bytes of this stage; 0 where nobody knows.
    """

    def __init__(
        self,
        on_change: Callable[[Meter], None] | None = None,
        *,
        error: CancelledError | None = None,
    ) -> None:
        words = "The registration was cancelled; nothing was registered."
        super().__init__(error or RegistrationCancelledError(words))
        self.stage = ""
        self.done = self.total = 0
        self._on_change = on_change

    def begin(self, stage: str, total: int = 0) -> None:
        """Begin a stage of so many bytes."""
        self.stage, self.done, self.total = stage, 0, total
        self.count(0)
        self.check()

    def count(self, size: int) -> None:
        """Note that so many bytes more are done."""
        self.done += size
        if self._on_change is not None:
            self._on_change(self)

    def reading(self, stream: IO[bytes], *, counted: bool = True) -> MeteredStream:
        """Return a stream whose bytes count, and that ends where it is cancelled.

        Args:
            stream: What is read.
            counted: Whether these bytes are of the stage's.
        """
        return MeteredStream(self, stream, counted=counted)


class MeteredStream:
    """What ``hashlib.file_digest``, ``shutil.copyfileobj`` and our copies need of a file."""

    def __init__(self, meter: Meter, stream: IO[bytes], *, counted: bool) -> None:
        self._meter = meter
        self._stream: Any = stream
        self._counted = counted

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        self._meter.check()
        data: bytes = self._stream.read(size)
        self._note(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes into a buffer; return how many they are."""
        self._meter.check()
        size: int = self._stream.readinto(buffer)
        self._note(size)
        return size

    def _note(self, size: int) -> None:
        if self._counted:
            self._meter.count(size)
