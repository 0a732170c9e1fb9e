"""From a model in a notebook cell to a running web service.

Names are loaded when they are first used, so that ``import mlmagic`` and
``%load_ext mlmagic`` stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlmagic._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlmagic.entities import Environment, InferenceConfig, Model, ServiceState
    from mlmagic.errors import MlmagicError
    from mlmagic.services import Webservice
    from mlmagic.workspace import Workspace

_HOMES = {
    "Environment": "mlmagic.entities",
    "InferenceConfig": "mlmagic.entities",
    "MlmagicError": "mlmagic.errors",
    "Model": "mlmagic.entities",
    "ServiceState": "mlmagic.entities",
    "Webservice": "mlmagic.services",
    "Workspace": "mlmagic.workspace",
}

__all__ = [
    "Environment",
    "InferenceConfig",
    "MlmagicError",
    "Model",
    "ServiceState",
    "Webservice",
    "Workspace",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mlmagic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magics to a running IPython (``%load_ext mlmagic``)."""
    from mlmagic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away again; services keep running."""
    from mlmagic.magics import unload

    unload(shell)
