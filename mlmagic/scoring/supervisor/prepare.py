"""The step before the workers: a command that readies their environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from typing import TYPE_CHECKING

from mlmagic.scoring.supervisor.failure import Failure, FailureError
from mlmagic.scoring.supervisor.logfile import LinePump

if TYPE_CHECKING:
    from mlmagic.scoring.supervisor.logfile import LogFile

_CHUNK = 1 << 16


async def prepare(command: list[str], log: LogFile) -> None:
    """Run the command in the supervisor's own environment; its output goes to the log.

    Raises:
        FailureError: ``EnvironmentFailed``, with the last lines.
    """
    pump = LinePump(log)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, process_group=0
        )
    except OSError as error:
        message = f"Cannot start '{command[0]}': {error.strerror}."
        raise FailureError(Failure("EnvironmentFailed", message)) from error
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        while data := await process.stdout.read(_CHUNK):
            pump.feed(data)
        code = await process.wait()
    finally:
        pump.finish()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if code != 0:
        lines = pump.last_lines
        message = lines[-1] if lines else f"The command ended with exit code {code}."
        raise FailureError(Failure("EnvironmentFailed", message, log=lines))
