"""The Kubernetes target keeps the contract."""

from __future__ import annotations

import pytest

from mlmagic.testing import TargetContract

pytestmark = pytest.mark.kubernetes


class TestKubernetesTarget(TargetContract):
    """Every promise of a target, kept by pods of a real cluster."""
