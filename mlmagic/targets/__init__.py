"""Compute targets: where services run.

Names are loaded when they are first used: the process of a deployment needs no other target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from mlmagic.targets.base import Keys, Target, config_of
    from mlmagic.targets.local import LocalTarget
    from mlmagic.targets.table import TargetEntry, Targets

_HOMES = {
    "Keys": "base",
    "LocalTarget": "local",
    "Target": "base",
    "TargetEntry": "table",
    "Targets": "table",
    "config_of": "base",
}

__all__ = [
    "Keys",
    "LocalTarget",
    "Target",
    "TargetEntry",
    "Targets",
    "config_of",
]


__getattr__, __dir__ = lazily(__name__, _HOMES)
