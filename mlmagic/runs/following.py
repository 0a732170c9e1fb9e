"""What the processes of a run tell while a cell runs, passed on as it comes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmagic import journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PAUSE_SECONDS = 0.5
_MARK = f"{'':>9}· "


@contextmanager
def following(notes: Path, tell: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Pass on the lines of progress that a journal gets, until the block ends.

    Args:
        notes: The journal.
        tell: Receives the lines, marked as said in the midst of a cell.

    Yields:
        What passes on at once all that is there.
    """
    over = threading.Event()
    lock = threading.Lock()
    told = 0

    def pass_on() -> None:
        nonlocal told
        with lock:
            lines = [e["line"] for e in journal.read(notes) if e["kind"] == "progress"]
            for line in lines[told:]:
                tell(f"{_MARK}{line}")
            told = len(lines)

    def follow() -> None:
        while not over.wait(_PAUSE_SECONDS):
            pass_on()

    thread = threading.Thread(target=follow, name="mlmagic-run-progress", daemon=True)
    thread.start()
    try:
        yield pass_on
    finally:
        over.set()
        thread.join()
        pass_on()
