"""From a model in a notebook cell to a running web service.

Names are loaded when they are first used, so that ``import mlmagic`` and
``%load_ext mlmagic`` stay quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic._version import __version__
from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlmagic.entities import Environment, InferenceConfig, Model, ServiceState
    from mlmagic.errors import MlmagicError
    from mlmagic.services import Webservice
    from mlmagic.workspace import Workspace

_HOMES = {
    "Environment": "entities",
    "InferenceConfig": "entities",
    "MlmagicError": "errors",
    "Model": "entities",
    "ServiceState": "entities",
    "Webservice": "services",
    "Workspace": "workspace",
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


__getattr__, __dir__ = lazily(__name__, _HOMES)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magics to a running IPython (``%load_ext mlmagic``)."""
    from mlmagic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away again; services keep running."""
    from mlmagic.magics import unload

    unload(shell)
