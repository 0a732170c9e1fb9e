from __future__ import annotations

from mlmagic.testing import TargetContract


class TestLocalTarget(TargetContract):
    pass
