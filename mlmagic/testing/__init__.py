"""For tests of compute targets: services from a few lines, and what every target promises."""

from mlmagic.testing.contract import TargetContract
from mlmagic.testing.kit import ECHO, ServiceKit, minimal_lock

__all__ = ["ECHO", "ServiceKit", "TargetContract", "minimal_lock"]
