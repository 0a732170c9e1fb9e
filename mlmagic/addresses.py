"""Addresses, as messages and panels show them and records keep them."""

from __future__ import annotations

import re

# A user's name and password, up to the last '@' before the path; and a query, which may be signed.
_USER = re.compile(r"(?<=://)[^/?#\s\"<>]*@")
_QUERY = re.compile(r"\?[^#\s\"<>]*")


def without_secrets(text: str) -> str:
    """Leave out what may let somebody in: users and passwords in addresses, and queries.

    Args:
        text: An address, or a text with addresses.

    Example:
        >>> without_secrets("https://ann:secret@example.com/p.tar.gz?signature=1#sha256=0")
        'https://example.com/p.tar.gz#sha256=0'
    """
    return _QUERY.sub("", _USER.sub("", text))


def public(text: str) -> str:
    """Return a text for a record: without secrets where it has an address, else as it is.

    Example:
        >>> public("postgresql://ann:secret@db/flowers"), public("how?")
        ('postgresql://db/flowers', 'how?')
    """
    return without_secrets(text) if "://" in text else text
