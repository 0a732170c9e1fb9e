"""What a pickle would do, read from its opcodes without loading it.

joblib's files are pickles with the bytes of arrays (or pickles of object arrays) in between;
those are skipped (or checked) where joblib itself would read them.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, cast

from mlmagic.registry.allowlist import Global, exists
from mlmagic.registry.decompression import Clamped, decompressed
from mlmagic.registry.pickle_machine import (
    GIVING_BACK,
    Machine,
    Made,
    Problem,
    Scan,
    UnreadableError,
)

if TYPE_CHECKING:
    from pathlib import Path

_MAY_MAKE_TEXT = {"str", *GIVING_BACK}


def scan_file(path: Path) -> Scan:
    """Check a pickle or joblib file, compressed or not."""
    with path.open("rb") as raw, decompressed(raw) as (stream, compressed):
        scan = scan_stream(stream)
    scan.joblib = scan.joblib or compressed
    return scan


def scan_stream(stream: IO[bytes], *, torch: bool = False) -> Scan:
    """Check all pickles that follow one another in a stream.

    Args:
        stream: Seekable, at its start.
        torch: Whether torch's own unpickler reads it, which knows persistent ids.
    """
    scan = Scan()
    stream = cast("IO[bytes]", Clamped(stream))
    while True:
        Machine(stream, scan, torch=torch).run()
        if scan.problems or not stream.read(1):
            break
        stream.seek(-1, 1)
    if scan.joblib and not scan.problems:
        stream.seek(0)
        scan.problems += _as_plain_pickle(stream)
    return scan


def _as_plain_pickle(stream: IO[bytes]) -> list[Problem]:
    """Check what ``pickle.load`` would do with a file made for ``joblib.load``.

    It goes on reading opcodes where joblib reads an array, with the memo of the whole file. In an
    honest file that soon ends in an error: what comes before the first certain one counts.
    """
    scan = Scan()
    _PlainMachine(stream, scan, with_arrays=False).run()
    return scan.problems


class _PlainMachine(Machine):
    """The machine where pickle itself ends in an error, and then all is well."""

    def _unreadable(self, error: Exception) -> None:
        pass

    def _placed(self, item: Any) -> Any:
        return item

    def _computed(self, module: Any, name: Any) -> None:
        if not (_may_be_text(module) and _may_be_text(name)):
            raise UnreadableError("a name is no text")
        super()._computed(module, name)

    def _call_of_no_global(self, maker: Any) -> None:
        if not isinstance(maker, Made):
            raise UnreadableError("it calls what cannot be called")
        super()._call_of_no_global(maker)

    def _outside(self, found: Global) -> None:
        if not exists(found.module, found.name):
            raise UnreadableError(f"there is no '{found}'")
        super()._outside(found)


def _may_be_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, Made) and value.maker.name in _MAY_MAKE_TEXT
    )
