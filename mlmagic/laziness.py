"""Packages whose names are imported when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazily(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``.

    Args:
        package: Its name; its ``__all__`` is what it lists.
        homes: Names to the modules of the package that have them.

    Example:
        >>> find, _ = lazily("mlmagic", {"Model": "entities"})
        >>> find("Model").__name__
        'Model'
    """

    def find(name: str) -> Any:
        if name in homes:
            return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module '{package}' has no attribute {name!r}")

    return find, lambda: sorted(importlib.import_module(package).__all__)
