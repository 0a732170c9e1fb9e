"""Searches and studies of the libraries, recognised by what they have, never by an import."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import RegistryError
from mlmagic.registry.run_sources.runset import Candidate, RunSet

if TYPE_CHECKING:
    from collections.abc import Callable

    Build = Callable[[Any], object]

ENTRY_POINTS = "mlmagic.run_sources"
_MODEL_KEYS = ("model", "model_path")


def read_runs(value: object, build: Build | None = None) -> RunSet | None:
    """Recognise a search or a study.

    Args:
        value: Any object.
        build: Makes the fitted model of a trial from its parameters, where the search kept none.

    Returns:
        What it tried; None where it is none of them.

    Raises:
        RegistryError: A source of others failed.
    """
    for reader in (_read_search, _read_study, _read_flaml, _read_autogluon):
        found = reader(value, build)
        if found is not None:
            return found
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            found = point.load()(value, build)
        except Exception as error:
            brought = point.dist.name if point.dist else "?"
            raise RegistryError(
                f"The run source '{point.name}' of '{brought}' failed: {error}."
            ) from error
        if found is not None:
            return found  # type: ignore[no-any-return]  # what others return is theirs
    return None


def _has(value: object, *names: str) -> bool:
    return not isinstance(value, type) and all(hasattr(value, name) for name in names)


def _read_search(value: Any, build: Build | None) -> RunSet | None:
    """``GridSearchCV`` and its kin: fitted, they keep the best estimator alone."""
    if not _has(value, "cv_results_", "scorer_", "multimetric_"):
        return None
    results = value.cv_results_
    prefix = "mean_test_"
    names = [key.removeprefix(prefix) for key in results if key.startswith(prefix)]
    best = getattr(value, "best_index_", None)
    refit = value.refit if isinstance(value.refit, str) else "score"

    def metrics(index: int) -> dict[str, float]:
        return {name: float(results[prefix + name][index]) for name in names}

    def model(index: int) -> Callable[[], object] | None:
        if index == best and hasattr(value, "best_estimator_"):
            return lambda: value.best_estimator_
        return _built(build, results["params"][index])

    candidates = [
        Candidate(iteration=index, metrics=metrics(index), params=params, model=model(index))
        for index, params in enumerate(results["params"])
    ]
    return RunSet(
        source=type(value).__name__,
        candidates=candidates,
        primary=refit if refit in names else None,
        # Scorers of scikit-learn are better when they are larger, whatever they are called.
        goals=dict.fromkeys(names, "maximize"),
        run_id=type(value).__name__,
        best=None if best is None else int(best),
    )


def _read_study(value: Any, build: Build | None) -> RunSet | None:
    """An Optuna study: it keeps parameters and values; models where ``user_attrs`` has them."""
    if not _has(value, "trials", "directions", "study_name"):
        return None
    goals = [direction.name.lower() for direction in value.directions]
    names = list(getattr(value, "metric_names", None) or ())
    if not names:
        names = ["value"] if len(goals) == 1 else [f"value_{n}" for n in range(len(goals))]
    done = [trial for trial in value.trials if trial.state.name == "COMPLETE"]

    def metrics(trial: Any) -> dict[str, float]:
        kept = {
            key: float(number)
            for key, number in trial.user_attrs.items()
            if isinstance(number, int | float) and not isinstance(number, bool)
        }
        return kept | dict(zip(names, trial.values, strict=True))

    def model(trial: Any) -> Callable[[], object] | None:
        for key in _MODEL_KEYS:
            if key in trial.user_attrs:
                kept = trial.user_attrs[key]
                return lambda: Path(kept) if isinstance(kept, str) else kept
        return None if build is None else lambda: build(trial)

    return RunSet(
        source="optuna",
        candidates=[
            Candidate(
                iteration=trial.number,
                metrics=metrics(trial),
                params=trial.params,
                model=model(trial),
            )
            for trial in done
        ],
        primary=names[0] if len(names) == 1 else None,
        goals=dict(zip(names, goals, strict=True)),
        run_id=value.study_name,
    )


def _read_flaml(value: Any, build: Build | None) -> RunSet | None:
    """FLAML's ``AutoML``: the best estimator, and the history of what became the best."""
    if not _has(value, "best_config_per_estimator", "best_loss", "config_history"):
        return None
    best = getattr(value, "best_iteration", None)
    losses = getattr(value, "best_loss_per_estimator", {})

    def model(iteration: int, params: Any) -> Callable[[], object] | None:
        if iteration == best and value.model is not None:
            return lambda: getattr(value.model, "estimator", value.model)
        return _built(build, params)

    candidates = []
    for iteration, entry in value.config_history.items():
        learner, config = entry[0], entry[1]
        loss = value.best_loss if iteration == best else losses.get(learner)
        candidates.append(
            Candidate(
                iteration=int(iteration),
                metrics={} if loss is None else {"loss": float(loss)},
                params={"estimator": learner, **config},
                model=model(int(iteration), config),
            )
        )
    return RunSet(
        source="flaml",
        candidates=candidates,
        primary="loss",
        goals={"loss": "minimize"},
        run_id="flaml",
        best=None if best is None else int(best),
    )


def _read_autogluon(value: Any, _build: Build | None) -> RunSet | None:
    """AutoGluon's ``TabularPredictor``: models by their rows in its leaderboard."""
    if not _has(value, "leaderboard", "model_best", "eval_metric", "clone_for_deployment"):
        return None
    board = value.leaderboard(silent=True)
    metric = str(getattr(value.eval_metric, "name", value.eval_metric))

    def folder(name: str) -> Callable[[], object]:
        def save() -> object:
            import tempfile

            place = Path(tempfile.mkdtemp(prefix="autogluon-")) / "predictor"
            return Path(value.clone_for_deployment(str(place), model=name))

        return save

    rows = list(zip(board["model"], board["score_val"], strict=True))
    return RunSet(
        source="autogluon",
        candidates=[
            Candidate(
                iteration=index,
                metrics={metric: float(score)},
                params={"model": name},
                model=folder(name),
            )
            for index, (name, score) in enumerate(rows)
        ],
        primary=metric,
        goals={metric: "maximize"},  # its scores are turned so that larger is better
        run_id=Path(value.path).name,
        best=next(i for i, (name, _) in enumerate(rows) if name == value.model_best),
    )


def _built(build: Build | None, params: Any) -> Callable[[], object] | None:
    return None if build is None else lambda: build(params)
