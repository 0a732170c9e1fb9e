"""Which packages loading a model needs, pinned to what is installed here."""

from __future__ import annotations

import importlib.metadata
from itertools import chain
from typing import TYPE_CHECKING

from mlmagic.registry.frameworks.table import known

if TYPE_CHECKING:
    from collections.abc import Iterable

_SKOPS_NEEDS = ("scikit-learn", "numpy", "scipy", "skops")


def installed_version(framework: str) -> str | None:
    """Return the version of a framework that is installed here."""
    return _version(known()[framework].distribution)


def requirements(framework: str, loader: str | None, modules: Iterable[str] = ()) -> list[str]:
    """Pin what loading and predicting need to the versions installed here.

    Args:
        framework: Name in the table.
        loader: How the file is read.
        modules: Top-level modules that the file names.
    """
    row = known()[framework]
    loader = (loader or "").partition("@")[0]
    wanted = [row.distribution, *row.needs]
    if loader == "skops":
        wanted += _SKOPS_NEEDS
    if loader == "joblib":
        wanted.append("joblib")
    wanted += _distributions(modules)
    pins = [(name, _version(name)) for name in dict.fromkeys(wanted) if name]
    if loader == "onnx" and pins[0][1] is None:
        return ["onnxruntime", *(f"{name}=={version}" for name, version in pins if version)]
    return [f"{name}=={version}" for name, version in pins if version]


def _distributions(modules: Iterable[str]) -> list[str]:
    from mlmagic.environments.distributions import installed

    modules = list(modules)
    if not modules:  # reading the facts of every package takes its time
        return []
    rows = {row.module: row.distribution for row in known().values() if row.module}
    found = installed().modules
    # Several share a namespace package: which of them a file needs, its first name does not tell.
    names = ([rows[each]] if rows.get(each) else found.get(each, ()) for each in modules)
    return sorted({*chain.from_iterable(names)})


def _version(distribution: str) -> str | None:
    if not distribution:
        return None
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
