"""Type annotations of run(): how JSON becomes their values, and how documents tell them."""

from mlmagic.scoring.kinds.kind import Kind, MismatchError
from mlmagic.scoring.kinds.registry import kind_of

__all__ = ["Kind", "MismatchError", "kind_of"]
