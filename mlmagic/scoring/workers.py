"""Several workers without a target that asks for them: a supervisor in this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.scoring.failure import START_FAILED
from mlmagic.scoring.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.supervisor.supervisor import Supervisor

_WATCH_INTERVAL = 0.5
_ALONE = ("--workers", "1", "--no-watch")


def serve_with_workers(settings: Settings, arguments: Sequence[str]) -> int:
    """Serve with several processes on one socket.

    Args:
        settings: What was asked for.
        arguments: The command line; the workers get the same.

    Returns:
        0 after a drain, 3 when nothing could be served.
    """
    from mlmagic.scoring.supervisor.supervisor import Supervisor

    forks = ["--forks", str(settings.workers)] if settings.preload else []
    with tempfile.TemporaryDirectory(prefix="mlmagic-scoring-") as folder:
        directory = Path(folder)
        desired = {
            "format": 1,
            "generation": 1,
            "command": [sys.executable, "-m", "mlmagic.scoring", *arguments, *_ALONE, *forks],
            "environment": dict(os.environ),
            "cwd": str(Path.cwd()),
            "workers": 1 if forks else settings.workers,
            "address": settings.address,
            "port": settings.port,
            "stop_grace_seconds": settings.grace,
        }
        if settings.listener_from is not None:  # each worker asks the front
            desired |= {"address": "127.0.0.1", "port": 0}
        (directory / "desired.json").write_text(json.dumps(desired), encoding="utf-8")
        status = Status(settings.status_file, settings.generation)
        told = partial(_tell, status) if settings.status_file else None
        code = asyncio.run(_serve(Supervisor(directory, echo=True, told=told), settings))
    return START_FAILED if code else 0


def _tell(status: Status, state: dict[str, Any]) -> None:
    """Tell in one status file what the workers come to."""
    failure = state["failure"]
    if state["phase"] == "failed" and failure is not None:
        names = ("reason", "message", "frames", "exception")
        status.enter("failed", **{name: failure[name] for name in names})
    elif state["phase"] in ("stopping", "stopped"):
        status.enter("draining")
    else:
        stage = state["stage"]
        known = ("init", "sample", "waiting", "ready")
        status.enter(stage if stage in known else "import", port=state["port"])


async def _serve(supervisor: Supervisor, settings: Settings) -> int:
    if not settings.watch:
        return await supervisor.run()
    watching = asyncio.create_task(_watch(supervisor, settings.source_directory))
    try:
        return await supervisor.run()
    finally:
        watching.cancel()


async def _watch(supervisor: Supervisor, folder: Path) -> None:
    """Load the script anew whenever a module of its folder has changed."""
    seen = await asyncio.to_thread(_stamps, folder)
    while True:
        await asyncio.sleep(_WATCH_INTERVAL)
        found = await asyncio.to_thread(_stamps, folder)
        if found != seen:
            seen = found
            await supervisor.reload_script()


def _stamps(folder: Path) -> dict[str, int]:
    stamps = {}
    for path in folder.rglob("*.py"):
        with contextlib.suppress(OSError):  # it has just gone
            stamps[str(path)] = path.stat().st_mtime_ns
    return stamps
