"""``AMLResponse``: an answer that the script makes itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.standins.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT = "text/html; charset=utf-8"
_JSON = "application/json"


class AMLResponse:
    """An answer that goes to the client as it is.

    Args:
        message: The body; None is an empty JSON object.
        status_code: HTTP status.
        response_headers: Fields; commas part the values of repeated ones.
        json_str: Whether ``message`` is written as JSON.
        run_function_failed: What ``x-ms-run-function-failed`` tells.
    """

    is_streamed = False

    def __init__(
        self,
        message: Any,
        status_code: int | str,
        response_headers: Mapping[str, str] | None = None,
        json_str: bool = False,  # noqa: FBT001, FBT002 - v1's signature
        run_function_failed: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        given = response_headers or {}
        as_json = json_str or message is None
        self.data = json.dumps({} if message is None else message) if as_json else message
        self.status_code = int(str(status_code).split(maxsplit=1)[0])
        self.headers = Headers([])
        if as_json or "Content-Type" not in given:
            self.headers["Content-Type"] = _JSON if as_json else _TEXT
        self.headers["x-ms-run-function-failed"] = run_function_failed
        for name, value in given.items():
            for part in value.split(","):
                self.headers.add(name, part.strip())

    @property
    def data(self) -> bytes:
        """The body; text is written as UTF-8."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        if isinstance(value, str):
            self._data = value.encode()
        elif isinstance(value, bytes | bytearray | memoryview):
            self._data = bytes(value)
        else:
            parts = (each.encode() if isinstance(each, str) else each for each in value)
            self._data = b"".join(parts)

    @property
    def content_type(self) -> str | None:
        """Media type with its parameters."""
        return self.headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers["Content-Type"] = value

    mimetype = content_type

    def get_data(self, as_text: bool = False) -> Any:  # noqa: FBT001, FBT002 - as web frameworks
        """Return the body."""
        return self._data.decode() if as_text else self._data

    def set_data(self, value: Any) -> None:
        """Replace the body."""
        self.data = value
