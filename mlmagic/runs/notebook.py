"""One notebook, run from start to end without anybody watching."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlmagic import journal
from mlmagic.errors import UsageError, did_you_mean
from mlmagic.files import write_atomically, write_record
from mlmagic.journal import JOURNAL_VARIABLE
from mlmagic.runs import storage
from mlmagic.runs.following import following
from mlmagic.runs.junit import junit_xml
from mlmagic.runs.parameters import gather_parameters
from mlmagic.runs.preparing import output_place, prepare
from mlmagic.runs.result import CellFailure, Cleanup, Limits, RunResult, judge
from mlmagic.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlmagic.runs.execution import Recorder
    from mlmagic.runs.kernels import Kernel

_CLEANUPS = ("never", "on-failure", "always")
# So says ipykernel where the stop after the last cell, which interrupts first, meets it at work.
_STOPPED = "KeyboardInterrupt caught in kernel."


def run_notebook(  # noqa: PLR0913 - what papermill takes, and what we add
    notebook: str | Path,
    output: str | Path | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    parameters_file: str | Path | Sequence[str | Path] | None = None,
    result: str | Path | None = None,
    junit: str | Path | None = None,
    settings: Mapping[str, str] | None = None,
    cleanup: Cleanup = "never",
    kernel: str | None = None,
    environment: str | None = None,
    cwd: str | Path | None = None,
    azureml: bool = False,
    timeout: float | None = None,
    total_timeout: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> RunResult:
    """Run a notebook as Jupyter would, and tell what came of it.

    The executed notebook is saved after every cell, and always whole. A cell tagged
    ``raises-exception`` may fail. ``%deploy`` waits until the service is Healthy.

    Args:
        notebook: The notebook to run, a file or an address that papermill knows (``s3://…``); it
            is not changed.
        output: Where the executed notebook goes, a file or an address; a folder keeps the name.
            None writes ``NAME.executed.ipynb`` beside the notebook, or here for an address.
        parameters: Values for the variables of the cell tagged ``parameters``.
        parameters_file: YAML or JSON files of parameters; ``parameters`` win. Both win over
            environment variables such as ``MLMAGIC_PARAMETER_rows``.
        result: A JSON file for the result; docs/unattended.md describes it.
        junit: A JUnit XML file, with a test case for each cell and each service.
        settings: Settings of mlmagic for this run, over all others; ``target`` sends every
            deployment of the notebook to that target, whatever its cells name.
        cleanup: When to delete the services that this run created.
        kernel: Name of the kernel; None takes the notebook's.
        environment: A named environment, a file that defines one, or the beginning of a lock's
            identity; the notebook runs in it, locked, in place of an installed kernel.
        cwd: Where the notebook runs; None takes its own folder, or this one for an address.
        azureml: Put a cell before all others that lets imports of ``azureml`` mean
            `mlmagic.azureml`, for a notebook of Azure ML v1 as it is.
        timeout: Seconds that one cell may take; None sets no limit.
        total_timeout: Seconds that all cells together may take; None sets no limit.
        progress: Receives lines of progress.

    Raises:
        UsageError: An argument or a file is not usable, or there is no such kernel; nothing was
            run.
        MlmagicError: The cells ran, but the executed notebook could not be saved; the result is.
        ConfigurationError: The kernel does not start, or a setting is wrong.
        EnvironmentNotFoundError: There is no such environment.
        EnvironmentSetupError: The environment cannot be made.

    Example:
        >>> run_notebook("train.ipynb", parameters={"alpha": 0.3}).exit_code  # doctest: +SKIP
        0
    """
    if cleanup not in _CLEANUPS:
        raise UsageError(f"Unknown cleanup '{cleanup}'.", hint=did_you_mean(cleanup, _CLEANUPS))
    from mlmagic.runs.kernels import choose_kernel

    source = storage.place_of(notebook)
    target = output_place(source, output)
    folder = storage.folder_of(source, cwd)
    values = gather_parameters(parameters or {}, parameters_file)
    variables = Settings.as_variables(settings or {})
    tell = progress or (lambda _: None)
    run = _Run(source, target, folder, values, tell)
    limits = Limits(cell=timeout, total=total_timeout)
    with choose_kernel(folder, kernel, environment, tell) as chosen:
        document, known = prepare(source, target, values, chosen, tell, azureml=azureml)
        recorder = run.execute(document, known, limits, variables)
    outcome = run.conclude(cleanup)
    if recorder.lost is not None:
        recorder.save()  # its storage may be there again
    if result is not None:
        write_record(Path(result).expanduser().resolve(), outcome)
    if junit is not None:
        write_atomically(Path(junit).expanduser().resolve(), junit_xml(outcome, recorder.cells))
    if run.interruption is not None:
        raise run.interruption
    if recorder.lost is not None:
        tell(outcome.summary())
        raise recorder.lost
    return outcome


class _Run:
    """The state of one run between its steps."""

    def __init__(
        self,
        source: storage.Place,
        target: storage.Place,
        folder: Path,
        values: dict[str, Any],
        tell: Callable[[str], None],
    ) -> None:
        self.source = source
        self.target = target
        self.folder = folder
        self.values = values
        self.tell = tell
        self.started_at = datetime.now(UTC)
        self._clock = time.monotonic()
        self.interruption: BaseException | None = None
        self.failure: CellFailure | None = None
        self.entries: list[dict[str, Any]] = []

    def execute(
        self, document: Any, kernel: Kernel, limits: Limits, variables: Mapping[str, str]
    ) -> Recorder:
        """Run the cells; whatever happens, the notebook is saved and the journal read."""
        from mlmagic.runs.execution import Recorder, execute, record_failure

        with tempfile.TemporaryDirectory(prefix="mlmagic-run-") as scratch:
            notes = Path(scratch) / "journal.jsonl"
            said = Path(scratch) / "kernel.log"
            with following(notes, self.tell) as pass_on:
                recorder = Recorder(document, self.target, self.tell, pass_on)
                try:
                    with _termination_interrupts():
                        self.failure = execute(
                            recorder,
                            kernel=kernel,
                            folder=self.folder,
                            environment={
                                "MLMAGIC_HEADLESS": "1",
                                **variables,
                                JOURNAL_VARIABLE: str(notes),
                            },
                            limits=limits,
                            said=said,
                        )
                    for line in said.read_text(errors="replace").splitlines():
                        if not line.endswith(_STOPPED):
                            self.tell(line)
                except (KeyboardInterrupt, SystemExit) as interruption:
                    self.interruption = interruption
                    self.failure = record_failure(recorder, interruption)
            self.entries = journal.read(notes)
        return recorder

    def conclude(self, cleanup: Cleanup) -> RunResult:
        """Look at what the run left, tidy up if asked, and judge."""
        from mlmagic.runs.outcomes import delete_created, models_of, services_of

        interrupted = self.interruption is not None
        services = services_of(self.entries, self.tell, wait=not interrupted)
        status, exit_code = judge(self.failure, services, interrupted=interrupted)
        if cleanup == "always" or (cleanup == "on-failure" and exit_code):
            services = delete_created(services, self.tell)
        return RunResult(
            notebook=storage.shown(self.source),
            output=storage.shown(self.target),
            status=status,
            exit_code=exit_code,
            started_at=self.started_at,
            duration_seconds=round(time.monotonic() - self._clock, 3),
            parameters=self.values,
            services=services,
            models=models_of(self.entries),
            failure=self.failure,
        )


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, so that it is saved and tidied up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: object) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
