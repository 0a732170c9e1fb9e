"""Models: catalogue, content by digest, samples, safety.

Names are loaded when they are first used: neither the database nor a framework is imported early.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmagic.registry.content import ContentStore
    from mlmagic.registry.frameworks import framework_of
    from mlmagic.registry.placing import place_files, placed_model, write_loader_record
    from mlmagic.registry.registry import Registry
    from mlmagic.registry.samples import read_sample
    from mlmagic.registry.verification import VerifyReport

_HOMES = {
    "ContentStore": "content",
    "Registry": "registry",
    "VerifyReport": "verification",
    "framework_of": "frameworks",
    "place_files": "placing",
    "placed_model": "placing",
    "read_sample": "samples",
    "write_loader_record": "placing",
}

__all__ = [
    "ContentStore",
    "Registry",
    "VerifyReport",
    "framework_of",
    "place_files",
    "placed_model",
    "read_sample",
    "write_loader_record",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
