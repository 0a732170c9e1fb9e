"""What came out of a run: for people, for programs, as an exit code."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import DeploymentFailedError, DeploymentTimeoutError
from mlmagic.runs.storage import Place, name_of

if TYPE_CHECKING:
    from datetime import datetime

Cleanup = Literal["never", "on-failure", "always"]

EXIT_SUCCESS, EXIT_CELL_FAILED, EXIT_NOT_HEALTHY, EXIT_INTERRUPTED = 0, 1, 3, 130
_DEPLOYMENT_ERRORS = {DeploymentFailedError.__name__, DeploymentTimeoutError.__name__}
_GONE = {ServiceState.DELETED, ServiceState.DELETING}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many seconds a run may take; None sets no limit."""

    cell: float | None = None
    total: float | None = None


@dataclass(frozen=True, kw_only=True)
class CellOutcome:
    """A code cell that has run.

    Attributes:
        headline: Its first line.
        seconds: How long it took.
    """

    headline: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class CellFailure:
    """The cell that ended a run.

    Attributes:
        cell: Position in the notebook as it was given, counted from 0.
        execution_count: The ``n`` of its ``In [n]``; None where the kernel never said.
        ename: Name of the exception.
        evalue: Its message.
    """

    cell: int
    execution_count: int | None
    source: str
    ename: str
    evalue: str
    traceback: str = ""


@dataclass(frozen=True, kw_only=True)
class ServiceOutcome:
    """A service that the run deployed, as it was when the last cell had run.

    Attributes:
        outcome: What the deployment did: ``created``, ``updated`` or ``unchanged``.
        workspace: The workspace's folder.
        deleted: Whether the run deleted it afterwards (``cleanup``).
    """

    name: str
    outcome: str
    workspace: str
    state: ServiceState
    reason: str = ""
    message: str = ""
    next_step: str = ""
    scoring_uri: str | None = None
    models: tuple[str, ...] = ()
    deleted: bool = False

    @property
    def failed(self) -> bool:
        """Whether it should answer requests and does not."""
        healthy = self.state is ServiceState.HEALTHY
        return not (healthy or self.state in _GONE or self.reason == Reason.STOPPED)


@dataclass(frozen=True, kw_only=True)
class ModelOutcome:
    """A model that the run registered.

    Attributes:
        id: ``name:version``.
        outcome: ``registered``, ``updated`` or ``unchanged``.
    """

    id: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The outcome of `run_notebook`; also what the result file holds.

    Attributes:
        exit_code: 0 success, 1 a cell failed, 3 a service did not become Healthy (wins over 1),
            130 interrupted.
        notebook: What was run, a file or an address.
        output: The executed notebook.
    """

    notebook: Place
    output: Place
    status: Literal["succeeded", "failed", "unhealthy", "interrupted"]
    exit_code: int
    started_at: datetime
    duration_seconds: float
    parameters: dict[str, Any] = field(default_factory=dict)
    services: tuple[ServiceOutcome, ...] = ()
    models: tuple[ModelOutcome, ...] = ()
    failure: CellFailure | None = None

    def summary(self) -> str:
        """Tell the outcome in a few lines."""
        lines = [f"{name_of(self.notebook)} {self.status} in {self.duration_seconds:.1f} s"]
        if self.failure:
            lines += [f"  {line}" for line in _told(self.failure)]
        lines += [f"  model    {model.id}  {model.outcome}" for model in self.models]
        lines += [f"  service  {_line(service)}" for service in self.services]
        lines.append(f"  notebook {_near(self.output)}")
        if isinstance(self.output, Path) and (lab := _jupyter_lab()):
            lines.append(f"  open it  {lab} {_near(self.output)}")
        return "\n".join(lines)


def judge(
    failure: CellFailure | None, services: tuple[ServiceOutcome, ...], *, interrupted: bool
) -> tuple[Literal["succeeded", "failed", "unhealthy", "interrupted"], int]:
    """Decide the status and the exit code of a run."""
    if interrupted:
        return "interrupted", EXIT_INTERRUPTED
    deployment_failed = failure is not None and failure.ename in _DEPLOYMENT_ERRORS
    if deployment_failed or any(service.failed for service in services):
        return "unhealthy", EXIT_NOT_HEALTHY
    if failure:
        return "failed", EXIT_CELL_FAILED
    return "succeeded", EXIT_SUCCESS


def _told(failure: CellFailure) -> list[str]:
    number = " " if failure.execution_count is None else failure.execution_count
    first = failure.source.strip().splitlines()[0] if failure.source.strip() else ""
    return [f"In [{number}]  {first}", in_one_line(failure.ename, failure.evalue)]


def in_one_line(ename: str, evalue: str) -> str:
    r"""Return an exception in one line; those of Azure ML v1 begin with their own name.

    Example:
        >>> in_one_line("WebserviceException", "WebserviceException:\n\tMessage: there is none")
        'WebserviceException: there is none'
    """
    lines = [line.strip() for line in evalue.splitlines() if line.strip()]
    if lines and lines[0] == f"{ename}:":
        lines = [line.removeprefix("Message: ") for line in lines[1:]]
    return f"{ename}: {lines[0]}" if lines else ename


def _line(service: ServiceOutcome) -> str:
    where = service.scoring_uri if service.state is ServiceState.HEALTHY else service.message
    deleted = "  (deleted by this run)" if service.deleted else ""
    return f"{service.name}  {service.state}  {where or ''}".rstrip() + deleted


def _near(path: Place) -> Place:
    """Write a path from the current folder where it lies below it."""
    here = Path.cwd()
    if isinstance(path, str):
        return path
    return path.relative_to(here) if path.is_relative_to(here) else path


def _jupyter_lab() -> str | None:
    """Return the command that opens JupyterLab, preferably this Python's own."""
    beside = Path(sys.executable).with_name("jupyter-lab")
    if beside.is_file():
        return f"{_near(beside.with_name('jupyter'))} lab"
    return "jupyter lab" if shutil.which("jupyter-lab", path=os.environ.get("PATH")) else None
