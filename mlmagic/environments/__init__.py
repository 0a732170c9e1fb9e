"""Environments: captured or given, locked by uv, realised once per machine.

Names are loaded when they are first used: who puts the scoring server into an image locks nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from mlmagic.environments.distributions import kernel_stamp
    from mlmagic.environments.documents import EnvironmentDocuments
    from mlmagic.environments.environments import EnvironmentEntry, Environments
    from mlmagic.environments.origins import LockedPackage, locked_packages, locked_versions
    from mlmagic.environments.relocking import Relocking
    from mlmagic.environments.runtime import place_runtime, runtime_digest, runtime_requirements
    from mlmagic.environments.use import PruneReport

_HOMES = {
    "EnvironmentDocuments": "documents",
    "EnvironmentEntry": "environments",
    "Environments": "environments",
    "LockedPackage": "origins",
    "PruneReport": "use",
    "Relocking": "relocking",
    "kernel_stamp": "distributions",
    "locked_packages": "origins",
    "locked_versions": "origins",
    "place_runtime": "runtime",
    "runtime_digest": "runtime",
    "runtime_requirements": "runtime",
}

__all__ = [
    "EnvironmentDocuments",
    "EnvironmentEntry",
    "Environments",
    "LockedPackage",
    "PruneReport",
    "Relocking",
    "kernel_stamp",
    "locked_packages",
    "locked_versions",
    "place_runtime",
    "runtime_digest",
    "runtime_requirements",
]


__getattr__, __dir__ = lazily(__name__, _HOMES)
