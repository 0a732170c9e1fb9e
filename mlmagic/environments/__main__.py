"""Realise an environment in a process of its own: ``python -m mlmagic.environments``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.entities import Lock
from mlmagic.environments.realisation import realise
from mlmagic.errors import MlmagicError
from mlmagic.files import read_record

if TYPE_CHECKING:
    from types import FrameType


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mlmagic.environments")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("realise", help="make the virtual environment of a lock")
    command.add_argument("lock", type=Path, metavar="LOCK.json", help="the record of the lock")
    command.add_argument("--cache", type=Path, required=True, help="the user's cache folder")
    options = parser.parse_args(arguments)
    # Unwinding takes uv and what it had begun away.
    signal.signal(signal.SIGTERM, _stop)
    try:
        lock = read_record(options.lock, Lock)
        python = realise(options.cache.resolve(), lock, on_event=_say)
    except (MlmagicError, OSError) as error:
        sys.stderr.write(" ".join(str(error).split()) + "\n")
        return 1
    except KeyboardInterrupt:
        return 130
    _say(str(python))
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
