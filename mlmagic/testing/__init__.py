"""For tests of compute targets: services from a few lines, and what every target promises."""

# ruff: noqa: E402 - assertions are rewritten only in modules imported after the registration

import pytest

pytest.register_assert_rewrite("mlmagic.testing.contract")

from mlmagic.testing.contract import TargetContract
from mlmagic.testing.kit import ECHO, ServiceKit, minimal_lock

__all__ = ["ECHO", "ServiceKit", "TargetContract", "minimal_lock"]
