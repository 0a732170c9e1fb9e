"""Environments: captured or given, locked by uv, realised once per machine."""

from mlmagic.environments.environments import EnvironmentEntry, Environments
from mlmagic.environments.runtime import place_runtime, runtime_digest, runtime_requirements
from mlmagic.environments.use import PruneReport

__all__ = [
    "EnvironmentEntry",
    "Environments",
    "PruneReport",
    "place_runtime",
    "runtime_digest",
    "runtime_requirements",
]
