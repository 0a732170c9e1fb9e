"""Libraries that are gigabytes: in an environment of their own (``requirements-networks.txt``)."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def library(name: str) -> Any:
    """Import a library, or skip; fail where it is required."""
    if "networks" in os.environ.get("MLMAGIC_REQUIRE", "").split(","):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed")
