"""Kubernetes quantities as numbers, with errors that users see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic import options
from mlmagic.errors import ConfigurationError

if TYPE_CHECKING:
    from decimal import Decimal


def parse_quantity(text: str) -> Decimal:
    """Return the number behind a quantity above zero.

    Args:
        text: Such as ``512Mi``, ``1G`` (10⁹) or ``500m``.

    Raises:
        ConfigurationError: It is none; the message says the nearest that is.
    """
    try:
        number = options.parse_quantity(text)
    except ValueError as error:
        raise ConfigurationError(f"The quantity is wrong: {error}") from error
    if number <= 0:
        raise ConfigurationError(f"The quantity '{text}' is not above zero.")
    return number


def cpu_cores(text: str) -> float:
    """Return CPUs: ``500m`` is 0.5."""
    return float(parse_quantity(text))


def memory_bytes(text: str) -> int:
    """Return bytes: ``512Mi`` is 536870912.

    Raises:
        ConfigurationError: It is no quantity, or less than a byte.
    """
    number = parse_quantity(text)
    if number < 1:
        raise ConfigurationError(
            f"The quantity '{text}' is less than one byte.",
            hint="The unit 'm' is for CPUs; for memory write '512Mi' or '1G'.",
        )
    return int(number)
