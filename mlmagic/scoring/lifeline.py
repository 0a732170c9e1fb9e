"""A server does not outlive its supervisor."""

from __future__ import annotations

import os
import signal
import threading
import time

NAME = "lifeline"  # of the thread
_ORPHAN_GRACE = 5.0


def watch_lifeline(descriptor: int) -> None:
    """End this process when the other end of a pipe is closed: the supervisor is gone."""
    threading.Thread(target=_follow, args=(descriptor,), name=NAME, daemon=True).start()


def _follow(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_GRACE)
    os._exit(1)
