"""Addresses of a service: for this machine, and for the user's browser."""

from __future__ import annotations

import importlib.util
import os
from urllib.parse import urlsplit

_PROXY_PACKAGE = "jupyter_server_proxy"
_HERE = ("localhost", "127.0.0.1", "::1")  # what the proxy's own "localhost" comes to


def for_browser(base_uri: str) -> str:
    """Return the address under which the user's browser reaches a service.

    On a JupyterHub with jupyter-server-proxy, that is a path of the user's own server, absolute
    where the hub tells its public address. Elsewhere, and where the service is on another host
    (the proxy leads to its own alone), it is the address itself.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    place = urlsplit(base_uri)
    if not prefix or place.hostname not in _HERE:
        return base_uri
    if importlib.util.find_spec(_PROXY_PACKAGE) is None:
        return base_uri
    path = f"{prefix.rstrip('/')}/proxy/{place.port}{place.path}"
    public = os.environ.get("JUPYTERHUB_PUBLIC_URL")
    if not public:
        return path
    hub = urlsplit(public)
    return f"{hub.scheme}://{hub.netloc}{path}"
