"""The Docker target keeps the contract."""

from __future__ import annotations

import pytest

from mlmagic.testing import TargetContract

pytestmark = pytest.mark.docker


class TestDockerTarget(TargetContract):
    """Every promise of a target, kept by containers of a real engine."""
