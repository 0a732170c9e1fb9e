"""JSON of requests: by msgspec, five times as fast, where it is installed.

What msgspec takes it reads as the standard library does, to the last digit; what it
refuses (NaN, UTF-16, numbers beyond 64 bits and more) the standard library then judges.
"""

from __future__ import annotations

import json
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_standard = json.loads
_LARGE = 1024  # bytes; below, the difference is not worth an import


def decode(text: bytes | str) -> Any:
    """Read JSON, as the standard library does.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    fast = _fast_decoder() if len(text) >= _LARGE else None
    if fast is not None:
        try:
            return fast(text)
        except Exception:  # noqa: BLE001, S110 - NaN, UTF-16 and more: the next line knows them
            pass
    return _standard(text)


@cache
def _fast_decoder() -> Callable[[bytes | str], Any] | None:
    try:
        import msgspec
    except ImportError:
        return None
    return msgspec.json.decode


def hasten_json() -> None:
    """Let ``json.loads`` of the script be as fast, where it has no options."""

    @wraps(_standard)
    def loads(s: Any, **options: Any) -> Any:
        return decode(s) if type(s) in (str, bytes) and not options else _standard(s, **options)

    json.loads = loads
