"""The verb that takes an entry script from a cell."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.entities import ScriptReport
from mlmagic.errors import CancelledError, ScriptContractError, ScriptTrialError
from mlmagic.files import digest_file, write_atomically
from mlmagic.workspace.parts import (
    capture_environment,
    find_environment,
    find_model,
    keep_sample,
)
from mlmagic.workspace.rooms import Rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mlmagic.entities import (
        CellOrigin,
        Lock,
        Model,
        PlacedModel,
        Problem,
        Sample,
        TrialResult,
    )


class ScriptVerbs(Rooms):
    """Take entry scripts from cells."""

    def capture_script(  # noqa: PLR0913 - the options of one verb
        self,
        source: str,
        *,
        file: str | Path | None = None,
        models: Sequence[str | Path] = (),
        environment: str | None = None,
        test: object = None,
        trial: bool = True,
        source_directory: str | Path | None = None,
        allow: Sequence[str] = (),
        cell: CellOrigin | None = None,
        namespace: Collection[str] | Mapping[str, object] = (),
        on_event: Callable[[str], None] | None = None,
    ) -> ScriptReport:
        """Check a script, write it to its file, and try it in its locked environment.

        Args:
            source: The text of the script.
            file: Where it is written; None is ``score.py``. Relative to the source directory
                where one is given.
            models: Models that the script loads.
            environment: Name or file of an environment; None takes what the script imports.
            test: JSON value to score in the trial; None takes the first model's sample.
            trial: Whether to try it.
            source_directory: Folder that travels with the script.
            allow: Files that look like secrets and may travel all the same.
            cell: The cell that it comes from, for line numbers.
            namespace: Names that the notebook has, with their values where they are at hand, to
                tell a missing import from a typo.
            on_event: Receives lines of progress.

        Raises:
            ScriptContractError: It would not work elsewhere; no file is written.
            ScriptTrialError: ``init()`` or ``run()`` failed; the message shows where.
            CancelledError: It was cancelled; the file is as it was.
        """
        from mlmagic.scripts import imported_modules, write_script

        say = on_event or (lambda _line: None)
        folder = Path(source_directory).expanduser() if source_directory else None
        path = (folder or Path()) / (file or "score.py")
        check = _Check(source, path, folder, namespace, cell)
        problems = check.problems()
        found = [find_model(self, model) for model in models]
        tried = None
        with _taken_back(path):
            write_script(path, source)
            lock = self._lock_for(path, folder, environment, found, say)
            if environment:
                problems = check.problems(available=lock.packages)
            if trial:
                sample = keep_sample(self, test) if test is not None else _sample_of(found)
                placed = tuple(model for model, _ in found)
                tried = self._try(path, folder, tuple(allow), placed, sample, lock, cell, say)
        self.scripts.remember(
            digest_file(path),
            lock=lock,
            models=[str(model) for model in models],
            origin=cell,
            environment=environment,
            source_directory=str(folder.resolve()) if folder else None,
        )
        if tried is not None:
            _raise_if_failed(tried, path)
        return ScriptReport(
            file=str(path),
            lines=len(source.splitlines()),
            origin=cell,
            imports=_worth_showing(imported_modules(path).shown),
            problems=tuple(problems),
            trial=tried,
            lock=lock,
            environment=environment,
        )

    def _lock_for(
        self,
        path: Path,
        folder: Path | None,
        environment: str | None,
        found: list[tuple[PlacedModel, Model]],
        say: Callable[[str], None],
    ) -> Lock:
        if environment:
            asked = find_environment(self, environment, folder, say=say)
        else:
            beside = self.environments.find(folder) if folder else None
            models = [model for _, model in found]
            asked = beside or capture_environment(self, path, folder, models, say)
        return self.environments.lock(asked, on_event=say)

    def _try(
        self,
        path: Path,
        folder: Path | None,
        allow: tuple[str, ...],
        models: tuple[PlacedModel, ...],
        sample: Sample | None,
        lock: Lock,
        cell: CellOrigin | None,
        say: Callable[[str], None],
    ) -> TrialResult:
        from mlmagic.environments import place_runtime
        from mlmagic.scripts import Limits, collect_sources, try_script
        from mlmagic.targets.placing import MODELS_FOLDER, entry_script, model_directory, place_app

        script = path.resolve()
        source = collect_sources(script, folder, self.content, allow=allow)
        python = self.environments.realise(lock, on_event=say)
        with tempfile.TemporaryDirectory(prefix="mlmagic-trial-") as temporary:
            app = Path(temporary) / "app"
            place_app(app, source, models, self.content)
            body = Path(temporary) / "sample"
            if sample:
                self.content.place(sample.content, body, link=False)
            say("trial: init() and run(sample)")
            return try_script(
                python,
                runtime=place_runtime(self.cache_directory),
                app_root=app,
                entry_script=entry_script(source),
                model_dir=Path(model_directory(models) if models else MODELS_FOLDER),
                sample=body if sample else None,
                sample_type=sample.media_type if sample else "application/json",
                origin=cell,
                limits=Limits(seconds=self.settings.script_trial_timeout_seconds),
            )


class _Check:
    """The static check of one script, refused with the cell's lines where it finds errors."""

    def __init__(
        self,
        source: str,
        path: Path,
        folder: Path | None,
        namespace: Collection[str] | Mapping[str, object],
        cell: CellOrigin | None,
    ) -> None:
        self.source = source
        self.path = path
        self.folder = folder
        self.namespace = namespace
        self.cell = cell

    def problems(self, available: Collection[str] | None = None) -> list[Problem]:
        from mlmagic.scripts import check_script

        problems = check_script(
            self.source,
            name=str(self.path),
            namespace=self.namespace,
            source_directory=self.folder,
            available=available,
        )
        errors = tuple(problem for problem in problems if problem.severity == "error")
        if errors:
            lines = "\n".join(f"  {self._place(problem)}{problem.message}" for problem in errors)
            raise ScriptContractError(
                f"The script '{self.path}' would not work outside this notebook:\n{lines}",
                problems=errors,
            )
        return problems

    def _place(self, problem: Problem) -> str:
        from mlmagic.scripts import cell_line

        if problem.line is None:
            return ""
        if self.cell is None:
            return f"{self.path}:{problem.line}: "
        return f"In [{self.cell.execution_count}], line {cell_line(problem.line, self.cell)}: "


@contextmanager
def _taken_back(path: Path) -> Iterator[None]:
    """Leave a file as it was where what is done is cancelled."""
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    except CancelledError:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_atomically(path.resolve(), before)
        raise


def _sample_of(found: list[tuple[PlacedModel, Model]]) -> Sample | None:
    return next((model.sample for _, model in found if model.sample), None)


def _raise_if_failed(tried: TrialResult, path: Path) -> None:
    if not tried.ok:
        detail = f"\n{tried.traceback}" if tried.traceback else ""
        raise ScriptTrialError(f"The trial of '{path}' failed: {tried.message}{detail}")


def _worth_showing(imports: Sequence[str]) -> tuple[str, ...]:
    """Leave the standard library out: it is everywhere."""
    import sys

    return tuple(name for name in imports if name.partition(".")[0] not in sys.stdlib_module_names)
