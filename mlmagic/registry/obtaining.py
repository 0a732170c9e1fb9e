"""From what a user names - an object, paths, an address, a run - to what is registered."""

from __future__ import annotations

import glob
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import RegistryError, UsageError
from mlmagic.files import is_folder_name
from mlmagic.registry.faults import storage_faults
from mlmagic.registry.sources import as_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.entities import Lineage
    from mlmagic.registry.metering import Meter
    from mlmagic.registry.run_sources import RunSet
    from mlmagic.registry.run_sources.runset import Goal

_RUN_RECORD = "run.json"  # of a run of the workspace, in its folder
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a run is to be registered.

    Attributes:
        run_id: A run of MLflow; instead of a source.
        asset_path: Which of its files; None is the model's name, as in Azure ML v1.
        experiment_name: The experiment that it has to belong to.
        tracking_uri: Where it is.
        iteration: Of a search or a study, this trial.
        metric: Likewise, the best by this metric.
        direction: Whether larger or smaller is better.
        build: Makes the fitted model of a trial, where the search kept none.
    """

    run_id: str | None = None
    asset_path: str | None = None
    experiment_name: str | None = None
    tracking_uri: str | None = None
    iteration: int | None = None
    metric: str | None = None
    direction: Goal | None = None
    build: Callable[[Any], object] | None = None

    @property
    def given(self) -> list[str]:
        """The names of what was given."""
        return [name for name, value in vars(self).items() if value is not None]


@dataclass(frozen=True, kw_only=True)
class Obtained:
    """What is registered.

    Attributes:
        source: A live object or paths.
        name: The name it gets.
        facts: What of ``entities.Lineage`` the source tells.
    """

    source: object
    name: str
    facts: dict[str, Any] = field(default_factory=dict)

    def lineage(self, known: Lineage) -> Lineage:
        """Add what the source tells."""
        return replace(known, **self.facts)


@contextmanager
def obtain(
    source: object,
    name: str | None,
    wanted: Wanted,
    *,
    runs: Path | None = None,
    meter: Meter | None = None,
) -> Iterator[Obtained]:
    """Find what is meant, download it where it lies elsewhere, and remove it afterwards.

    Args:
        source: A live object, paths, an address or a run.
        name: The model's name.
        wanted: What of a run.
        runs: Where the workspace's own runs lie, as ``EXPERIMENT/ID``.
        meter: Hears of each piece that is downloaded from an address.

    Raises:
        UsageError: Something is missing, or two things contradict each other.
        RegistryError: It cannot be found or read.
    """
    from mlmagic.registry.run_sources.mlflow import is_run

    if is_run(source):
        wanted = replace(wanted, run_id=str(source.info.run_id))  # type: ignore[attr-defined]
        source = None
    if wanted.run_id is not None:
        with _scratch() as folder:
            yield _of_run(source, name, wanted, folder, runs)
        return
    if source is None:
        raise UsageError(
            "SOURCE is missing: a variable of the notebook, or paths; or a run (--run-id)."
        )
    stray = [
        each for each in ("asset_path", "experiment_name", "tracking_uri") if each in wanted.given
    ]
    if stray:
        raise UsageError(f"'{stray[0]}' goes with a run.", hint="Name it with --run-id.")
    paths = as_paths(source)
    trials = _runs(source, wanted) if paths is None else None
    if trials is not None:
        yield _of_trial(trials, name, wanted)
        return
    if wanted.given:
        raise UsageError(
            f"'{wanted.given[0]}' was given, but the source is neither a search nor a study."
        )
    if name is None:
        raise UsageError("--name is missing: the model's name.")
    address = _address(source)
    if address is None:
        yield Obtained(source=source, name=name)
        return
    from mlmagic.registry.downloads import fetch_address

    with _scratch() as folder:
        yield Obtained(source=fetch_address(address, folder, meter), name=name)


def _of_own_run(folder: Path, name: str, asset: str) -> Obtained:
    path = (folder / asset).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.exists():
        found = (each for each in folder.rglob("*") if each.is_file())
        there = sorted(each.relative_to(folder).as_posix() for each in found)
        there.remove(_RUN_RECORD)
        more = ", …" if len(there) > _SHOWN else ""
        raise RegistryError(
            f"The run '{folder.name}' has no file '{asset}'.",
            hint=f"It has {', '.join(there[:_SHOWN]) or 'no files'}{more}.",
        )
    facts = {"run_source": "azureml", "run_id": folder.name, "experiment": folder.parent.name}
    return Obtained(source=path, name=name, facts=facts)


def _of_run(
    source: object, name: str | None, wanted: Wanted, folder: Path, runs: Path | None
) -> Obtained:
    from mlmagic.registry.run_sources.mlflow import another_experiment, fetch_run_model

    if source is not None:
        raise UsageError("Both a source and a run were given.", hint="Give one of them.")
    if wanted.iteration is not None or wanted.metric is not None:
        raise UsageError(
            "An iteration or a metric chooses among the trials of a search, not from one run.",
            hint="Give the id of the run that is meant.",
        )
    if not is_folder_name(str(wanted.run_id)):
        raise UsageError(f"'{wanted.run_id}' is not the id of a run.")
    asset = wanted.asset_path or name
    if asset is None or name is None:
        raise UsageError("--name is missing: the model's name.")
    if runs is not None and wanted.tracking_uri is None:
        for record in runs.glob(f"*/{glob.escape(str(wanted.run_id))}/{_RUN_RECORD}"):
            experiment = record.parent.parent.name
            if wanted.experiment_name not in (None, experiment):
                raise another_experiment(str(wanted.run_id), experiment, wanted.experiment_name)
            return _of_own_run(record.parent, name, asset)
    found = fetch_run_model(
        str(wanted.run_id),
        asset,
        folder,
        tracking_uri=wanted.tracking_uri,
        experiment_name=wanted.experiment_name,
    )
    return Obtained(source=found.path, name=name, facts=found.facts)


def _runs(source: object, wanted: Wanted) -> RunSet | None:
    from mlmagic.registry.run_sources import read_runs

    return read_runs(source, wanted.build)


def _of_trial(runs: RunSet, name: str | None, wanted: Wanted) -> Obtained:
    from mlmagic.registry.run_sources import choose, default_name

    chosen = choose(
        runs, iteration=wanted.iteration, metric=wanted.metric, direction=wanted.direction
    )
    if chosen.model is None:
        raise RegistryError(
            f"The {runs.source} run kept no model of iteration '{chosen.iteration}'.",
            hint="Give a function that makes the fitted model from its parameters"
            " (build=…, --build NAME).",
        )
    facts = {
        "run_source": runs.source,
        "run_id": chosen.run_id or f"{runs.run_id}:{chosen.iteration}",
        "experiment": runs.run_id,
        "metrics": {key: float(value) for key, value in chosen.metrics.items()},
        "params": {key: str(value) for key, value in chosen.params.items()},
    }
    made = name or default_name(runs, iteration=wanted.iteration, metric=wanted.metric)
    return Obtained(source=chosen.model(), name=made, facts=facts)


def _address(source: object) -> str | None:
    text = str(source) if isinstance(source, str | Path) else ""
    scheme, colon, rest = text.partition(":/")
    return text if colon and rest and scheme.isalnum() and len(scheme) > 1 else None


@contextmanager
def _scratch() -> Iterator[Path]:
    with storage_faults(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
