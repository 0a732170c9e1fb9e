"""Addresses: as messages and panels show them, as records keep them, and what answers there."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from http.client import HTTPConnection

# A user's name and password, up to the last '@' before the path; and a query, which may be signed.
_USER = re.compile(r"(?P<scheme>[A-Za-z][\w.+-]*)://(?P<user>[^/?#\s\"<>]*)@")
_QUERY = re.compile(r"\?(?P<query>[^#\s\"<>]*)")
# Where what stands before '@' belongs to the place: git@ of ssh, the container of Azure's stores.
_PLACES = re.compile(r"(?:.*\+)?(?:ssh|sftp|abfss?|wasbs?)", re.IGNORECASE)
_SECRET = re.compile(
    r"x-(?:amz|goog)-|sig(?:nature)?$|token|passw|pwd|secret|credential|key(?:id)?$|auth",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Leave out what may let somebody in: users and passwords in addresses, and queries.

    Args:
        text: An address, or a text with addresses.

    Example:
        >>> without_secrets("https://ann:secret@example.com/p.tar.gz?signature=1#sha256=0")
        'https://example.com/p.tar.gz#sha256=0'
    """
    return _QUERY.sub("", _USER.sub(_place, text))


def public(text: str) -> str:
    """Return a text for a record: what lets somebody in is left out of its addresses.

    The rest of a query is kept: it may say which version or file is meant.

    Example:
        >>> public("https://ann:secret@host/d.csv?version=2&sig=1"), public("why?sig=1")
        ('https://host/d.csv?version=2', 'why?sig=1')
    """
    if "://" not in text:
        return text
    return _QUERY.sub(_unsigned, _USER.sub(_place, text))


def retry_after(headers: Mapping[str, str]) -> float:
    """Return after how many seconds a server wants to be asked again; 0 where it does not say."""
    from urllib3 import Retry
    from urllib3.exceptions import InvalidHeader

    try:
        return Retry().parse_retry_after(headers.get("Retry-After") or "0")
    except InvalidHeader:
        return 0.0


def connection_to(uri: str, *, seconds: float) -> HTTPConnection:
    """Return a connection to where an address leads, by TLS where it says so; not opened yet.

    Certificates are held against the system's authorities, and those of the file or folder that
    ``REQUESTS_CA_BUNDLE`` names; else those of `requests`. TLS goes through the proxy that
    ``HTTPS_PROXY`` names by ``http://`` (those by ``https://`` and SOCKS are passed by), but to
    this machine and to what ``NO_PROXY`` excepts; plain HTTP, which a proxy would read, to
    nobody's.

    Args:
        uri: ``http://…`` or ``https://…``.
        seconds: How long to wait for the connection, and for each part of an answer.

    Raises:
        OSError: The proxy's address has no port that is one.
    """
    import ssl
    from http.client import HTTPConnection, HTTPSConnection

    place = urlsplit(uri)
    host, tls = place.hostname or "", place.scheme == "https"
    port = place.port or (443 if tls else 80)  # else the end of an address of IPv6 is taken for one
    if not tls:
        return HTTPConnection(host, port, timeout=seconds)
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    given = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    bundle = Path(given or DEFAULT_CA_BUNDLE_PATH)
    context = _authorities(bundle, bundle.stat().st_mtime_ns)
    proxy = _proxy(uri)
    if proxy is None:
        return HTTPSConnection(host, port, timeout=seconds, context=context)
    shown = without_secrets(proxy.geturl())
    try:
        proxy_port = proxy.port or 80
    except ValueError as error:
        raise OSError(f"the proxy '{shown}' in the way has no port that is one") from error

    class Tunnelled(HTTPSConnection):
        def connect(self) -> None:
            try:
                super().connect()
            except (ssl.SSLError, TimeoutError):
                raise
            except OSError as error:  # that it refuses connections, the host does not
                raise OSError(f"the proxy '{shown}' in the way says: {error}") from error

    through = Tunnelled(proxy.hostname or "", proxy_port, timeout=seconds, context=context)
    through.set_tunnel(host, port, headers=_login(proxy))
    return through


def _proxy(uri: str) -> SplitResult | None:
    """Return the proxy by HTTP to an address, as `requests` reads the environment; else None."""
    from ipaddress import ip_address

    from requests.utils import get_environ_proxies, select_proxy

    host = urlsplit(uri).hostname or ""
    with suppress(ValueError):
        if host == "localhost" or ip_address(host).is_loopback:
            return None
    found = select_proxy(uri, get_environ_proxies(uri)) or ""
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    return proxy if proxy.hostname and proxy.scheme == "http" else None


def _login(proxy: SplitResult) -> dict[str, str]:
    from requests.utils import get_auth_from_url
    from urllib3 import make_headers

    user, password = get_auth_from_url(proxy.geturl())
    return dict(make_headers(proxy_basic_auth=f"{user}:{password}")) if user else {}


@lru_cache(maxsize=4)  # it takes longer than a handshake
def _authorities(bundle: Path, _changed: int) -> ssl.SSLContext:
    import ssl

    found = ssl.create_default_context()
    folder = bundle.is_dir()
    found.load_verify_locations(
        cafile=None if folder else str(bundle), capath=str(bundle) if folder else None
    )
    return found


def _place(found: re.Match[str]) -> str:
    user = found["user"].partition(":")[0]
    place = f"{user}@" if user and _PLACES.fullmatch(found["scheme"]) else ""
    return f"{found['scheme']}://{place}"


def _unsigned(found: re.Match[str]) -> str:
    parts = found["query"].split("&")
    kept = [part for part in parts if not _SECRET.search(part.partition("=")[0])]
    return f"?{'&'.join(kept)}" if kept else ""
