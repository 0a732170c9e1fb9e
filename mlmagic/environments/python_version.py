"""Which Python an environment is for."""

from __future__ import annotations

import re
import sys

from mlmagic.errors import EnvironmentSetupError

FLOOR = (3, 11)


def short_version(version: str | None) -> str:
    """Return ``major.minor`` of a Python version, checked against what is supported.

    Args:
        version: ``3.12``, ``3.12.1`` or ``3.12.*``; None is the running interpreter's.

    Raises:
        EnvironmentSetupError: It is no version, or too old.
    """
    if version is None:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    match = re.fullmatch(r"(\d+)\.(\d+)(\.(\d+|\*))?", version.strip())
    if match is None:
        raise EnvironmentSetupError(
            f"The Python version '{version}' is not understood.", hint="Write it as 3.12."
        )
    major, minor = int(match[1]), int(match[2])
    if (major, minor) < FLOOR:
        raise EnvironmentSetupError(
            f"The environment asks for Python '{version}'; services need "
            f"{FLOOR[0]}.{FLOOR[1]} or later.",
            hint="Remove the Python version from the environment, or raise it.",
        )
    return f"{major}.{minor}"
