"""``rawhttp`` and ``AMLRequest``: the request itself, for scripts that decide everything."""

from __future__ import annotations

import io
import json
from functools import cached_property
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from mlmagic.scoring.call import titled
from mlmagic.scoring.raw import RAW
from mlmagic.scoring.standins.form import MultiDict, read_form
from mlmagic.scoring.standins.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.scoring.call import Call
    from mlmagic.scoring.standins.form import UploadedFile

    _Function = TypeVar("_Function", bound=Callable[..., Any])


def rawhttp(function: _Function) -> _Function:
    """Let run() take the request itself."""
    setattr(function, RAW, True)
    return function


class AMLRequest:
    """One request, with the names of the web framework that v1's scripts saw.

    Args:
        call: The request.
    """

    def __init__(self, call: Call) -> None:
        scope = call.scope
        self._body = call.body
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        self.full_path = f"{self.path}?{self.query_string.decode('latin-1')}"
        self.scheme: str = scope.get("scheme", "http")
        self.remote_addr: str | None = (scope.get("client") or (None,))[0]
        self.headers = Headers(titled(scope["headers"]))
        self.host = self.headers.get("Host") or ""
        self.base_url = f"{self.scheme}://{self.host}{self.path}"
        self.url = self.base_url + (f"?{self.query_string.decode()}" if self.query_string else "")
        self.content_type = self.headers.get("Content-Type")
        self.mimetype = call.media_type
        self.content_length = len(call.body)

    @property
    def is_json(self) -> bool:
        """Whether the body is sent as JSON."""
        return self.mimetype == "application/json" or self.mimetype.endswith("+json")

    def get_data(
        self,
        cache: bool = True,  # noqa: FBT001, FBT002 - the framework's signature
        as_text: bool = False,  # noqa: FBT001, FBT002
        parse_form_data: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:
        """Return the body."""
        del cache, parse_form_data
        return self._body.decode(errors="replace") if as_text else self._body

    @property
    def data(self) -> bytes:
        """The body; empty where it was a form."""
        return b"" if self._is_form else self._body

    @property
    def stream(self) -> io.BytesIO:
        """The body as a file."""
        return io.BytesIO(self._body)

    def get_json(self, force: bool = False, silent: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Return the value of a JSON body; None where it is not sent as JSON."""
        if not (force or self.is_json):
            if silent:
                return None
            raise ValueError(f"The content type is '{self.content_type}', not JSON.")
        try:
            return json.loads(self._body)
        except ValueError:
            if silent:
                return None
            raise

    @property
    def json(self) -> Any:
        """The value of a JSON body."""
        return self.get_json()

    @cached_property
    def args(self) -> MultiDict[str]:
        """The query."""
        text = self.query_string.decode("latin-1")
        return MultiDict(parse_qsl(text, keep_blank_values=True))

    @property
    def form(self) -> MultiDict[str]:
        """Fields of a form."""
        return self._form[0]

    @property
    def files(self) -> MultiDict[UploadedFile]:
        """Files of a form."""
        return self._form[1]

    @property
    def values(self) -> MultiDict[str]:
        """The query and the form."""
        return MultiDict([*self.args.pairs(), *self.form.pairs()])

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Cookies by name."""
        parsed = SimpleCookie(self.headers.get("Cookie") or "")
        return {name: morsel.value for name, morsel in parsed.items()}

    @property
    def _is_form(self) -> bool:
        return self.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded")

    @cached_property
    def _form(self) -> tuple[MultiDict[str], MultiDict[UploadedFile]]:
        return read_form(self.content_type or "", self._body)
