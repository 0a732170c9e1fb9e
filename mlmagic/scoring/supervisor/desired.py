"""What the supervisor is asked to run: ``desired.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.supervisor.failure import Failure, FailureError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Desired:
    """One generation of the service.

    Attributes:
        prepare: Command that readies the environment; runs before the workers.
        command: The worker, without what the supervisor adds.
        environment: All variables of the worker.
        cwd: The app root.
        port: 0 lets the kernel choose.
        memory_bytes: Resident bytes that a worker may have.
        cpus: CPUs that a worker may run on.
    """

    generation: int
    command: list[str]
    environment: dict[str, str]
    cwd: str
    prepare: list[str] | None = None
    workers: int = 1
    address: str = "127.0.0.1"
    port: int = 0
    memory_bytes: int | None = None
    cpus: float | None = None
    start_timeout_seconds: float = 600
    stop_grace_seconds: float = 30


def read_desired(path: Path) -> Desired:
    """Read the file; what it holds beyond our fields is left to later versions.

    Raises:
        FailureError: It is missing or damaged.
    """
    known = {field.name for field in fields(Desired)}
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return Desired(**{name: value for name, value in content.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        message = f"The file '{path}' cannot be used: {error}."
        raise FailureError(Failure("ConfigurationError", message)) from error
