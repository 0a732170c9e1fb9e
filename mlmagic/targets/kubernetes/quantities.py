"""Quantities of resources as an API server keeps them."""

from __future__ import annotations

from decimal import ROUND_UP
from typing import TYPE_CHECKING

from mlmagic.configurations import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

_BINARY, _BINARY_UNITS = 1024, ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL, _DECIMAL_UNITS = 1000, ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_NANO = 10**9


def canonical(text: str) -> str:
    """Return a quantity as an API server keeps it.

    Server-side apply compares texts: one that is written otherwise is another value than the kept
    one to it, and a conflict with everybody else who applies the same.

    Example:
        >>> canonical("0.5"), canonical("1024Mi"), canonical("1000M")
        ('500m', '1Gi', '1G')
    """
    number = parse_quantity(text)
    is_binary = text.strip().endswith("i") and number >= _BINARY
    if is_binary and number == int(number):
        return _written(int(number), _BINARY, _BINARY_UNITS)
    smallest = (number * _NANO).to_integral_value(ROUND_UP)
    return _written(int(smallest), _DECIMAL, _DECIMAL_UNITS)


def _written(number: int, base: int, units: Sequence[str]) -> str:
    place = 0
    while number % base == 0 and place + 1 < len(units):
        number, place = number // base, place + 1
    return f"{number}{units[place]}"
