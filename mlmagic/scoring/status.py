"""The status file: where the server tells its stage to whoever started it."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.scoring.failure import StartFailure, UserCode, describe

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("azmlinfsrv")
Stage = Literal["import", "init", "sample", "waiting", "ready", "draining", "failed"]
RESULT_LIMIT = 2000
# What Kubernetes keeps of a termination message.
_REPORT_BYTES, _TEXT_CHARACTERS = 4096, 700


def write_json(path: Path, value: object) -> None:
    """Write a file so that readers see the old content or the new, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(value, stream)
        os.replace(temporary, path)  # noqa: PTH105 - both are plain names here
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108
        raise


class Status:
    """The stage of this process and why it is in it.

    Args:
        path: The status file; None keeps the status in memory.
        generation: The revision that this process serves.
        failure_file: Where it is told why the server did not start: a file that is there already
            and cannot be replaced, as Kubernetes' termination message.
    """

    def __init__(
        self, path: Path | None, generation: int, failure_file: Path | None = None
    ) -> None:
        self._path = path
        self._failure_file = failure_file
        self._lock = threading.Lock()
        self.stage: Stage = "import"
        self.values: dict[str, Any] = {
            "format": 1,
            "pid": os.getpid(),
            "generation": generation,
            "stage": self.stage,
            "since": "",
            "port": None,
            "reason": None,
            "message": "",
            "frames": [],
            "exception": "",
            "init_seconds": None,
            "sample_ms": None,
            "sample_result": None,
        }

    def enter(self, stage: Stage, **values: Any) -> None:
        """Tell a stage, with other values that are known by now."""
        with self._lock:
            if stage != self.stage or not self.values["since"]:
                self.values["since"] = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.stage = stage
            self.values.update(values, stage=stage)
            if self._path is not None:
                try:
                    write_json(self._path, self.values)
                except OSError as error:  # a full disk does not end a service
                    logger.warning("The status file cannot be written: %s", error)

    def fail(self, failure: StartFailure, code: UserCode | None = None) -> None:
        """Tell why the server does not start; ``code`` finds the user's frames."""
        error = failure.error
        self.enter(
            "failed",
            reason=failure.reason,
            message=failure.message,
            frames=code.frames(error) if code is not None and error is not None else [],
            exception=describe(error) if error is not None else "",
        )
        if self._failure_file is not None:
            try:
                self._failure_file.write_text(_short_report(self.values), encoding="utf-8")
            except OSError as problem:
                logger.warning("The failure file cannot be written: %s", problem)


def _short_report(values: dict[str, Any]) -> str:
    """Write why the server did not start, with as many of the last frames as there is room for."""
    report = {
        "reason": values["reason"],
        "message": values["message"][:_TEXT_CHARACTERS],
        "exception": values["exception"][-_TEXT_CHARACTERS:],
        "frames": list(values["frames"]),
    }
    while len(text := json.dumps(report)) > _REPORT_BYTES and report["frames"]:
        del report["frames"][0]
    return text
