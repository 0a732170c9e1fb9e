"""Ending long work from another thread: at its next step, with the child process it waits for."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.errors import CancelledError


class Cancellation:
    """Ends what is done while it is entered, as far down as that goes.

    Args:
        error: Raised where the work ends.

    Example:
        >>> from mlmagic.errors import CancelledError
        >>> with Cancellation(CancelledError("It was cancelled.")) as work:
        ...     work.cancel()  # from another thread
        ...     check()
        Traceback (most recent call last):
        mlmagic.errors.CancelledError: It was cancelled.
    """

    def __init__(self, error: CancelledError) -> None:
        self._error = error
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._end: Callable[[], None] | None = None
        self._tokens: list[Token[Cancellation | None]] = []

    def __enter__(self) -> Self:
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())

    def cancel(self) -> None:
        """Have the work end; too late where what it makes is visible already."""
        with self._lock:
            self._is_cancelled = True
            if self._end is not None:
                self._end()

    def check(self) -> None:
        """Go on.

        Raises:
            CancelledError: It was cancelled, or what this thread does was.
        """
        if self._is_cancelled:
            raise self._error
        around = _current.get()
        if around is not None and around is not self:
            around.check()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Have something ended at once where it is cancelled meanwhile."""
        with self._lock:
            if self._is_cancelled:
                end()
            self._end = end
        try:
            yield
        finally:
            with self._lock:
                self._end = None


_current: ContextVar[Cancellation | None] = ContextVar("mlmagic_cancellation", default=None)


def check() -> None:
    """Go on, unless what this thread does was cancelled.

    Raises:
        CancelledError: It was.
    """
    if (current := _current.get()) is not None:
        current.check()


@contextmanager
def ending(end: Callable[[], None]) -> Iterator[None]:
    """Have a child process ended where what this thread does is cancelled meanwhile.

    Args:
        end: Ends it; called from the thread that cancels.

    Raises:
        CancelledError: It was cancelled.
    """
    with ExitStack() as stack:
        if (current := _current.get()) is not None:
            stack.enter_context(current.ending(end))
        yield
    check()


@contextmanager
def uncancelled() -> Iterator[None]:
    """Do something whole: it is not begun where it was cancelled, and not ended once begun.

    Raises:
        CancelledError: It was cancelled.
    """
    check()
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)
