"""Several workers without a target that asks for them: a supervisor in this process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.scoring.failure import START_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.scoring.settings import Settings


def serve_with_workers(settings: Settings, arguments: Sequence[str]) -> int:
    """Serve with several processes on one socket.

    Args:
        settings: What was asked for.
        arguments: The command line; the workers get the same.

    Returns:
        0 after a drain, 3 when nothing could be served.
    """
    from mlmagic.scoring.supervisor.supervisor import Supervisor

    with tempfile.TemporaryDirectory(prefix="mlmagic-scoring-") as folder:
        directory = Path(folder)
        desired = {
            "format": 1,
            "generation": 1,
            "command": [sys.executable, "-m", "mlmagic.scoring", *arguments, "--workers", "1"],
            "environment": dict(os.environ),
            "cwd": str(Path.cwd()),
            "workers": settings.workers,
            "address": settings.address,
            "port": settings.port,
            "stop_grace_seconds": settings.grace,
        }
        (directory / "desired.json").write_text(json.dumps(desired), encoding="utf-8")
        code = asyncio.run(Supervisor(directory, echo=True).run())
    return START_FAILED if code else 0
