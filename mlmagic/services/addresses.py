"""Addresses of a service: for this machine, and for the user's browser."""

from __future__ import annotations

import importlib.util
import os
from urllib.parse import urlsplit

_PROXY_PACKAGE = "jupyter_server_proxy"


def for_browser(base_uri: str) -> str:
    """Return the address under which the user's browser reaches a service.

    On a JupyterHub with jupyter-server-proxy, that is a path of the user's own server, absolute
    where the hub tells its public address. Elsewhere it is the address itself.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if not prefix or importlib.util.find_spec(_PROXY_PACKAGE) is None:
        return base_uri
    path = f"{prefix.rstrip('/')}/proxy/{urlsplit(base_uri).port}"
    public = os.environ.get("JUPYTERHUB_PUBLIC_URL")
    if not public:
        return path
    place = urlsplit(public)
    return f"{place.scheme}://{place.netloc}{path}"
