"""Keys that guard scoring; changed ones count from the next request on."""

from __future__ import annotations

import hmac
import json
import logging
from typing import TYPE_CHECKING, Literal

from mlmagic.scoring.failure import StartFailure

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("azmlinfsrv")
_SCHEME = b"bearer "


class KeyFile:
    """A primary and a secondary key in a JSON file.

    Args:
        path: ``{"primary": …, "secondary": …}``.

    Raises:
        StartFailure: The file is missing or holds no keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stamp = self._look()
            self._keys = self._read()
        except (OSError, ValueError) as error:
            message = f"The keys file '{path}' cannot be used: {error}."
            raise StartFailure("ConfigurationError", message) from error

    def judge(self, authorization: bytes | None) -> Literal["welcome", "missing", "wrong"]:
        """Judge the Authorization header of a request, in time that tells nothing of the keys."""
        if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
            return "missing"
        self._refresh()
        given = authorization[len(_SCHEME) :].strip()
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        return "welcome" if any(matches) else "wrong"

    def _refresh(self) -> None:
        try:
            stamp = self._look()
            if stamp != self._stamp:
                self._keys, self._stamp = self._read(), stamp
        except (OSError, ValueError) as error:
            logger.warning("The keys file cannot be read, the last keys stay: %s", error)

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _read(self) -> list[bytes]:
        content = json.loads(self._path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no JSON object")  # noqa: TRY004 - the content is wrong
        found = [content.get(name) for name in ("primary", "secondary")]
        keys = [key.encode() for key in found if isinstance(key, str) and key]
        if not keys:
            raise ValueError('it has neither "primary" nor "secondary"')
        return keys
