"""Environments: captured or given, locked by uv, realised once per machine.

Names are loaded when they are first used: who puts the scoring server into an image locks nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from mlmagic.environments.documents import EnvironmentDocuments
    from mlmagic.environments.environments import EnvironmentEntry, Environments
    from mlmagic.environments.runtime import place_runtime, runtime_digest, runtime_requirements
    from mlmagic.environments.use import PruneReport

_HOMES = {
    "EnvironmentDocuments": "documents",
    "EnvironmentEntry": "environments",
    "Environments": "environments",
    "PruneReport": "use",
    "place_runtime": "runtime",
    "runtime_digest": "runtime",
    "runtime_requirements": "runtime",
}

__all__ = [
    "EnvironmentDocuments",
    "EnvironmentEntry",
    "Environments",
    "PruneReport",
    "place_runtime",
    "runtime_digest",
    "runtime_requirements",
]


__getattr__, __dir__ = lazily(__name__, _HOMES)
