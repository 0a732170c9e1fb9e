"""The HTTP server inside every service.

An island: it imports nothing else of mlmagic, since it is what travels into the
environments of services. Entry scripts use ``load_model``, ``get_model_path``
and ``read_secret``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmagic.scoring.batching import batched
    from mlmagic.scoring.models import get_model_path, load_model
    from mlmagic.scoring.secret import read_secret

__all__ = ["batched", "get_model_path", "load_model", "read_secret"]

_HOMES = {
    "batched": "mlmagic.scoring.batching",
    "get_model_path": "mlmagic.scoring.models",
    "load_model": "mlmagic.scoring.models",
    "read_secret": "mlmagic.scoring.secret",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mlmagic.scoring' has no attribute {name!r}")
