"""Whose turn it is: a file names the one server, of those on a socket, that has the service.

Whoever deploys writes it. The server that it names begins to accept, and the one that it named
before drains: the handing over is one step, which nobody has to live on for.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.scoring.settings import Settings

LOOK_SECONDS = 0.02
_OVER_LOOK_SECONDS = 0.1  # for the whole life of the server
LET_GO = signal.SIGUSR2  # drain, as another server has the service; SIGTERM: as none will have it
HEED_SECONDS = 1.0  # then SIGTERM: a script may have taken LET_GO for itself


def turn_of(settings: Settings) -> Turn | None:
    """Return what a server with some settings has to wait for; None where it may accept."""
    if settings.serving_file is None:
        return None
    return Turn(settings.serving_file, settings.instance)


class Turn:
    """Whether it is the turn of this server.

    Args:
        path: ``{"instance": …}``.
        instance: What the file calls this server.
    """

    def __init__(self, path: Path, instance: str) -> None:
        self._path = path
        self._instance = instance
        self._has_come = False
        self._read = (0, 0)

    def has_come(self) -> bool:
        """Look whether it is; while the file is being written, it is as it was."""
        with suppress(OSError, ValueError, LookupError, TypeError):
            told = self._path.stat()
            if (now := (told.st_ino, told.st_mtime_ns)) != self._read:
                self._has_come = json.loads(self._path.read_bytes())["instance"] == self._instance
                self._read = now
        return self._has_come

    def end_after(self) -> None:
        """Let this process drain once its turn is over."""
        threading.Thread(target=self._end_after, name="mlmagic-turn", daemon=True).start()

    def _end_after(self) -> None:
        for wanted, seconds in ((True, LOOK_SECONDS), (False, _OVER_LOOK_SECONDS)):
            while self.has_come() is not wanted:
                time.sleep(seconds)
        os.kill(os.getpid(), LET_GO)
        time.sleep(HEED_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)  # one that drains goes on as it does
