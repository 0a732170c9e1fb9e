"""Scripts with @rawhttp: run() takes the request itself."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.scoring.call import Call

RAW = "__mlmagic_raw__"  # our decorator marks the function
_HOMES = ("azureml.contrib.services.aml_request", "azureml_inference_server_http.api.aml_request")


def is_raw(run: Callable[..., Any]) -> bool:
    """Whether the script uses @rawhttp, ours or that of a real package.

    A real package does not mark the function; it notes that somebody used the decorator.
    """
    return hasattr(run, RAW) or _real_package_asks()


def _real_package_asks() -> bool:
    homes = (sys.modules.get(name) for name in _HOMES)
    return any(getattr(home, "_rawHttpRequested", False) for home in homes)


class RawReader:
    """Gives run() the request: the real framework's where the script has the real decorator.

    Args:
        parameter: Name of the argument.
    """

    takes_any_method = True
    kind = "the HTTP request itself"

    def __init__(self, parameter: str) -> None:
        self._parameter = parameter
        self._wrap = _flask_request if _real_package_asks() else _own_request

    def read(self, call: Call) -> dict[str, Any]:
        """Wrap the request."""
        return {self._parameter: self._wrap(call)}


def _own_request(call: Call) -> Any:
    from mlmagic.scoring.standins.request import AMLRequest

    return AMLRequest(call)


def _flask_request(call: Call) -> Any:
    import flask

    return flask.Request(_environ(call), populate_request=False)


def _environ(call: Call) -> dict[str, Any]:
    """Return the request in WSGI's words."""
    scope = call.scope
    address, port = scope.get("server") or ("127.0.0.1", 80)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"],
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": address,
        "SERVER_PORT": str(port or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "CONTENT_LENGTH": str(len(call.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(call.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_ID": call.request_id,
    }
    for name, value in call.headers().items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ
