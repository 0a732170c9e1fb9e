"""Secrets of a service: files that only the service can read."""

from __future__ import annotations

import os
from pathlib import Path

DIRECTORY_VARIABLE = "MLMAGIC_SECRETS_DIR"


def read_secret(name: str) -> str:
    """Return the value of a secret that was given to the service.

    The file is read each time, so that a changed secret needs no restart.

    Args:
        name: The name it was deployed under.

    Raises:
        LookupError: The service has no secret of this name.
    """
    directory = os.environ.get(DIRECTORY_VARIABLE)
    known = sorted(path.name for path in Path(directory).iterdir()) if directory else []
    if directory is None or name not in known:
        names = ", ".join(f"'{each}'" for each in known) or "none"
        raise LookupError(
            f"The service has no secret '{name}' (it has: {names}). Give it when deploying."
        )
    return (Path(directory) / name).read_text(encoding="utf-8").removesuffix("\n")
