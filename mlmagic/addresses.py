"""Addresses, as messages and panels show them."""

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
