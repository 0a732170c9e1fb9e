"""The execution of a notebook's cells by papermill, saved after each of them."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager
from papermill.execute import ERROR_ANCHOR_MSG, ERROR_MARKER_TAG, ERROR_MESSAGE_TEMPLATE
from traitlets.config import Config

from mlmagic.errors import ConfigurationError, MlmagicError
from mlmagic.runs import storage
from mlmagic.runs.result import CellFailure, CellOutcome, Limits, in_one_line
from mlmagic.services.static_view import SERVICE_MIME_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlmagic.runs.kernels import Kernel

_SHOWN = 88
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Recorder(NotebookExecutionManager):
    """Saves the notebook whole at each step and tells how far it is.

    Attributes:
        current: The cell begun last.
        failed: The cell that raised.
        cells: The code cells begun, in their order.
        lost: Why the notebook could not be saved last, if it could not.
    """

    def __init__(
        self,
        notebook: Any,
        output: storage.Place,
        progress: Callable[[str], None],
        pass_on: Callable[[], None],
    ) -> None:
        super().__init__(notebook, output_path=f"{storage.shown(output)}", progress_bar=False)
        self._output = output
        self._progress = progress
        self._pass_on = pass_on
        self._total = sum(_has_code(cell) for cell in notebook.cells)
        self._begun = 0
        self._since = 0.0
        self.current: int | None = None
        self.failed: int | None = None
        self.cells: list[CellOutcome] = []
        self.lost: MlmagicError | None = None

    def save(self, **_: Any) -> None:
        """Write the notebook so that readers never see a part of it.

        A storage that fails once cells ran does not end the run: the next step saves it all.
        """
        try:
            storage.write(self._output, nbformat.writes(self.nb) + "\n")
        except (MlmagicError, OSError) as error:
            if not self._begun:
                raise
            if self.lost is None:
                self._progress(f"{error}")
            self.lost = MlmagicError(
                f"The executed notebook was not saved: {str(error).rstrip('.')}.",
                hint="Its cells ran all the same.",
            )
            return
        self.lost = None
        self.last_save_time = self.now()

    def cell_start(self, cell: Any, cell_index: int, **rest: Any) -> None:
        """Announce the cell that runs now."""
        super().cell_start(cell, cell_index=cell_index, **rest)
        if _has_code(cell):
            self.current = cell_index
            self._begun += 1
            self._since = time.monotonic()
            width = len(str(self._total))
            self._progress(f"[{self._begun:>{width}}/{self._total}] {_headline(cell.source)}")

    def cell_exception(self, cell: Any, cell_index: int, **rest: Any) -> None:
        """Keep which cell raised."""
        super().cell_exception(cell, cell_index=cell_index, **rest)
        self.failed = cell_index

    def cell_complete(self, cell: Any, cell_index: int, **rest: Any) -> None:
        """Tell how long the cell took, and the last line it showed."""
        super().cell_complete(cell, cell_index=cell_index, **rest)
        if _has_code(cell):
            self._pass_on()  # what the cell has told comes before its end
            seconds = time.monotonic() - self._since
            self.cells.append(CellOutcome(headline=_headline(cell.source), seconds=seconds))
            self._progress(f"{seconds:8.1f} s  {_last_line(cell)}".rstrip())


class _Client(PapermillNotebookClient):
    """Papermill's client, which looks kernels up where it is told."""

    def __init__(self, recorder: Recorder, kernel: Kernel, **rest: Any) -> None:
        super().__init__(recorder, **rest)
        self._specs = kernel.specs

    def create_kernel_manager(self) -> KernelManager:
        manager: KernelManager = super().create_kernel_manager()
        manager.kernel_spec_manager = self._specs
        return manager


def execute(
    recorder: Recorder,
    *,
    kernel: Kernel,
    folder: Path,
    environment: Mapping[str, str],
    limits: Limits,
    said: Path,
) -> CellFailure | None:
    """Run the cells until one fails, and return that failure.

    Args:
        recorder: Keeps what happens.
        kernel: The kernel, by its name.
        folder: Where the kernel runs.
        environment: Variables of the kernel, over this process's.
        limits: How long it may take.
        said: File for what the kernel's process writes beside its messages; emptied where a
            limit of time was reached, as that it was stopped is no news then.

    Raises:
        ConfigurationError: The kernel does not start.
        KeyboardInterrupt: The run was interrupted; what there is of the notebook is saved.
    """
    remaining = _Remaining(limits)
    client = _Client(
        recorder,
        kernel,
        kernel_name=kernel.name,
        timeout_func=remaining,
        resources={"metadata": {"path": str(folder)}},
        config=_encrypted(),
    )
    try:
        recorder.notebook_start()
        try:
            with said.open("wb") as stderr:
                client.execute(env={**os.environ, **environment}, stderr=stderr)
        finally:
            recorder.notebook_complete()
    except CellTimeoutError:
        said.write_bytes(b"")
        return record_failure(recorder, CellTimeoutError(remaining.words))
    except DeadKernelError as error:
        return record_failure(recorder, error)
    except (RuntimeError, OSError) as error:
        if recorder.current is not None:
            raise
        raise ConfigurationError(f"The kernel '{kernel.name}' does not start: {error}.") from error
    return None if recorder.failed is None else record_failure(recorder)


class _Remaining:
    """Tells nbclient how long the next cell may take: its own limit, or what is left of all.

    Attributes:
        words: What it means when that time is over; nbclient knows only its seconds.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began: float | None = None  # a kernel that starts slowly takes nothing from the cells
        self.words = ""

    def __call__(self, _cell: Any) -> float | None:
        cell, total = self._limits.cell, self._limits.total
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        left = None if total is None else max(self._began + total - now, 0.001)
        if cell is not None and (left is None or cell <= left):
            self.words = f"The cell took longer than '{cell:g}' s (--execution-timeout)."
            return cell
        if left is not None:
            self.words = f"The cells together took longer than '{total:g}' s (--timeout)."
        return left


def _encrypted() -> Config:
    """Let nobody else on this machine listen to the kernel, where jupyter_client can do that."""
    config = Config()
    if hasattr(KernelManager, "transport_encryption"):
        config.KernelManager.transport_encryption = "auto"
    return config


def record_failure(recorder: Recorder, error: BaseException | None = None) -> CellFailure | None:
    """Return the failure, and point to its cell from the notebook's top as papermill does.

    Args:
        recorder: The run's record.
        error: What ended the run, where the cell itself could not tell.
    """
    index = recorder.failed if error is None else recorder.current
    if index is None:
        return None
    cells = recorder.nb.cells
    cell = cells[index]
    cell.metadata.papermill.update(status=recorder.FAILED, exception=True)
    shown = _error_output(cell) if error is None else None
    failure = CellFailure(
        cell=index - sum("injected-parameters" in c.metadata.tags for c in cells[:index]),
        execution_count=cell.execution_count,
        source=cell.source,
        ename=shown["ename"] if shown else type(error).__name__,
        evalue=shown["evalue"] if shown else str(error),
        traceback=_COLOURS.sub("", "\n".join(shown["traceback"])) if shown else "",
    )
    summit = ERROR_MESSAGE_TEMPLATE % (failure.execution_count or " ")
    for place, text in ((index, ERROR_ANCHOR_MSG), (0, summit)):
        marker = nbformat.v4.new_markdown_cell(text, metadata={"tags": [ERROR_MARKER_TAG]})
        cells.insert(place, marker)
    recorder.save()
    return failure


def _error_output(cell: Any) -> Any:
    """Return the error that a failed cell shows; IPython's own ``UsageError`` shows none."""
    for output in reversed(cell.outputs):
        if output.output_type == "error":
            return output
    return {"ename": "UsageError", "evalue": _last_line(cell), "traceback": []}


def _has_code(cell: Any) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _headline(source: str) -> str:
    lines = source.strip().splitlines()
    told = [line for line in lines if line.strip() and not line.lstrip().startswith("#")] or lines
    return _cut(told[0]) + (" …" if len(told) > 1 else "")


def _last_line(cell: Any) -> str:
    """Return the last line that the cell shows as text; of a service, the line with its state."""
    for output in reversed(cell.outputs):
        if output.output_type == "error":
            return _cut(in_one_line(output.ename, output.evalue))
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        lines = _COLOURS.sub("", text).strip().splitlines()
        if lines:
            return _cut(lines[0 if SERVICE_MIME_TYPE in output.get("data", {}) else -1])
    return ""


def _cut(line: str) -> str:
    return line if len(line) <= _SHOWN else line[: _SHOWN - 2] + " …"
