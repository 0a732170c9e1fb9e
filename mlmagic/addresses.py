"""Addresses, as messages and panels show them and records keep them."""

from __future__ import annotations

import re

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


def _place(found: re.Match[str]) -> str:
    user = found["user"].partition(":")[0]
    place = f"{user}@" if user and _PLACES.fullmatch(found["scheme"]) else ""
    return f"{found['scheme']}://{place}"


def _unsigned(found: re.Match[str]) -> str:
    parts = found["query"].split("&")
    kept = [part for part in parts if not _SECRET.search(part.partition("=")[0])]
    return f"?{'&'.join(kept)}" if kept else ""
