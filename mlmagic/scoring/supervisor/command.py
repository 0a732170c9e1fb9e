"""The command line of the supervisor."""

from __future__ import annotations

import asyncio
import fcntl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.scoring.supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

ALREADY_RUNNING = 4


def main(arguments: Sequence[str]) -> int:
    """Supervise the service of one state directory.

    Returns:
        0 after SIGTERM, 1 when nothing can be served, 2 for wrong usage, 4 where the directory
        has a supervisor already.
    """
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: python -m mlmagic.scoring.supervisor STATE_DIR\n")
        return 2
    directory = Path(arguments[0]).absolute()
    with (directory / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"The service in '{directory}' has a supervisor already.\n")
            return ALREADY_RUNNING
        return asyncio.run(Supervisor(directory).run())
