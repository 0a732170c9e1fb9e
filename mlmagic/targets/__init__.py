"""Compute targets: where services run."""

from mlmagic.targets.base import Keys, Target
from mlmagic.targets.local import LocalTarget

__all__ = ["Keys", "LocalTarget", "Target"]
