"""``azureml.train.automl.run``: a search of this machine as v1's automated run.

``experiment.submit(search)`` keeps what was tried as a run with a child for each trial. Metrics and
properties are on the disk; fitted models stay in the process that submitted the search, and of
those that ``get_output`` returned the child has a copy in ``outputs/model.pkl``.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import shutil
from collections import defaultdict
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.run import Run
from mlmagic.azureml.coverage import differs, refuse
from mlmagic.azureml.exceptions import UserErrorException
from mlmagic.errors import MlmagicError
from mlmagic.registry.run_sources import Candidate, RunSet, choose, default_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.azureml.core.experiment import Experiment
    from mlmagic.azureml.core.model import Model

TYPE = "automl"
_MODEL = "outputs/model.pkl"
_ENDED = "The search has ended when it is submitted: go on with it, and submit it again."
_HERE = "The search ran in this Python: see what is installed here."


@refuse(_ENDED, "cancel_iteration", "continue_experiment", "pause", "resume", "retry")
@refuse("Check the data before the search, with pandas.", "get_guardrails")
@refuse(_HERE, "get_run_sdk_dependencies")
@differs("Made of a search by experiment.submit(search, build=…), not by a configuration")
class AutoMLRun(Run):
    """A search or study, and what it tried.

    Attributes:
        model_id: The name under which `register_model` registered last.

    Raises:
        UserErrorException: There is no such run, or it is of another kind.
    """

    model_id: str | None

    def __init__(self, experiment: Experiment, run_id: str, **kwargs: Any) -> None:
        super().__init__(experiment, run_id, **kwargs)
        if self.type != TYPE:
            raise UserErrorException(
                f"RunId: {run_id} is not a run of automated machine learning; get it with "
                "Run.get(workspace, run_id)."
            )
        self.model_id = None
        self._tried: RunSet | None = None
        self._search: object = None
        self._build: Callable[[Any], object] | None = None

    @differs("Fitted models are kept by the process that submitted; given is what was asked for")
    def get_output(
        self,
        iteration: int | None = None,
        metric: str | None = None,
        return_onnx_model: bool = False,
        return_split_onnx_model: object = None,
        **kwargs: Any,
    ) -> tuple[Run, Any]:
        """Return the child that is meant, and its fitted model.

        Args:
            iteration: This trial; neither it nor a metric: the best by the primary metric.
            metric: The best trial by this metric.
            return_onnx_model: Refused.
            return_split_onnx_model: Refused.
            kwargs: Accepted and not used.

        Raises:
            UserErrorException: Both were given, there is no such trial, or nothing kept its model.
        """
        if return_onnx_model or return_split_onnx_model:
            raise NotImplementedError(
                "'return_onnx_model' needs the cloud of Azure ML. Convert the fitted model with "
                "'skl2onnx'."
            )
        chosen = self._chosen(iteration, metric)
        child, model = self._child(chosen.iteration), self._fitted(chosen)
        _keep(child, model)
        return child, model

    def get_best_child(
        self, metric: str | None = None, onnx_compatible: bool = False, **kwargs: Any
    ) -> Run:
        """Return the best child, by the primary metric or by another."""
        return self._child(self._chosen(None, metric).iteration)

    def register_model(  # type: ignore[override]  # v1's own: the run says which files are meant
        self,
        model_name: str | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        iteration: int | None = None,
        metric: str | None = None,
    ) -> Model:
        """Register the model of a child; ``model_id`` is the name it got, as in v1.

        Args:
            model_name: Its name; None makes one of the run and of how the child was chosen.
            description: What it is, in words.
            tags: Labels.
            iteration: This trial; neither it nor a metric: the best by the primary metric.
            metric: The best trial by this metric.

        Raises:
            UserErrorException: Both were given, there is no such trial, or nothing kept its model.
        """
        from mlmagic.azureml.core.model import Model
        from mlmagic.azureml.core.model_registering import register

        chosen = self._chosen(iteration, metric)
        self._check_kept(chosen)
        named = replace(self._runs(), run_id=self.id)
        name = model_name or default_name(named, iteration=iteration, metric=metric)
        made = register(
            self.experiment.workspace,
            self._search,
            name,
            tags=tags,
            description=description,
            run=self._child(chosen.iteration),
            iteration=chosen.iteration,
            build=self._build,
        )
        self.model_id = name
        return Model._of(self.experiment.workspace, made)

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """Return what was tried, the newest first."""
        known = [self._child(each["iteration"]) for each in self._read()["tried"]]
        found = {run.id for run in self._having(known, type, tags, properties, status)}
        return (run for run in reversed(known) if run.id in found)

    def summary(self) -> list[list[Any]]:
        """Return the kinds of models that were tried, how often, and the best score of each."""
        record = self._read()
        smaller = record["goals"].get(record["primary"]) == "minimize"
        scores = defaultdict[str, list[float]](list)
        for child in self.get_children():
            facts = child.get_properties()
            scores[facts["run_algorithm"]].append(float(facts.get("score", "nan")))
        best = min if smaller else max
        return [
            [kind, len(found), best((x for x in found if not isnan(x)), default=nan)]
            for kind, found in scores.items()
        ]

    @classmethod
    def _of(
        cls,
        experiment: Experiment,
        search: object,
        tried: RunSet,
        *,
        build: Callable[[Any], object] | None,
        tags: dict[str, str] | None,
    ) -> AutoMLRun:
        """Keep a finished search as a run, with a child for each trial."""
        parent = Run._begin(
            experiment,
            tags=tags,
            type=TYPE,
            source=tried.source,
            primary=tried.primary,
            goals=dict(tried.goals),
            best=tried.best,
            tried=[
                {"iteration": each.iteration, "metrics": _numbers(each)}
                for each in tried.candidates
            ],
        )
        for each in tried.candidates:
            child = Run._begin(
                experiment,
                run_id=f"{parent.id}_{each.iteration}",
                parent=parent.id,
                metrics=_numbers(each),
                properties=_properties(each, tried, search),
            )
            child.complete()
        run = cls(experiment, parent.id)
        run._tried, run._search, run._build = tried, search, build
        with contextlib.suppress(UserErrorException):  # several metrics, and none is the primary
            run._change(metrics=_numbers(run._chosen(None, None)))
        run.complete()
        return run

    def _runs(self) -> RunSet:
        """What was tried: live where this process submitted it, else from the disk."""
        if self._tried is not None:
            return self._tried
        record = self._read()
        return RunSet(
            source=record["source"],
            candidates=[Candidate(**each) for each in record["tried"]],
            primary=record["primary"],
            goals=record["goals"],
            best=record["best"],
        )

    def _chosen(self, iteration: int | None, metric: str | None) -> Candidate:
        try:
            return choose(self._runs(), iteration=iteration, metric=metric)
        except MlmagicError as error:
            raise UserErrorException(f"{error}") from None

    def _child(self, iteration: int) -> Run:
        return Run(self.experiment, f"{self.id}_{iteration}")

    def _check_kept(self, chosen: Candidate) -> None:
        if self._tried is None:
            raise UserErrorException(
                f"The fitted models of the run {self.id} are kept by the process that submitted "
                "the search. Submit the search again, or read what get_output() left: "
                f"'{_MODEL}' of its child."
            )
        if chosen.model is None:
            raise UserErrorException(
                f"The {self._tried.source} run kept no model of iteration '{chosen.iteration}'. "
                "Give a function that makes it from its parameters: "
                "experiment.submit(search, build=…)."
            )

    def _fitted(self, chosen: Candidate) -> Any:
        self._check_kept(chosen)
        return chosen.model() if chosen.model is not None else None


def _numbers(candidate: Candidate) -> dict[str, float]:
    return {name: float(value) for name, value in candidate.metrics.items()}


def _properties(candidate: Candidate, tried: RunSet, search: object) -> dict[str, str]:
    kind = candidate.params.get("estimator") or candidate.params.get("model")
    estimator = getattr(search, "estimator", None)
    facts = {
        "iteration": candidate.iteration,
        "run_algorithm": kind or (type(estimator).__name__ if estimator else tried.source),
        "primary_metric": tried.primary,
        "score": candidate.metrics.get(tried.primary or ""),
        "model_path": _MODEL,
        **{f"param.{name}": value for name, value in candidate.params.items()},
    }
    return {name: f"{value}" for name, value in facts.items() if value is not None}


def _keep(child: Run, model: object) -> None:
    """Leave a copy of the model with the child, where it can be pickled or is files."""
    if isinstance(model, Path):
        if model.is_dir():
            shutil.copytree(model, child.folder / "outputs" / model.name, dirs_exist_ok=True)
        else:
            child.upload_file(f"outputs/{model.name}", model)
        return
    with contextlib.suppress(pickle.PicklingError, AttributeError, TypeError):
        child.upload_file(_MODEL, io.BytesIO(pickle.dumps(model)))
