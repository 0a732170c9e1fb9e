"""Which trial of a search is registered, and under which name: the rules of Azure ML v1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.errors import RegistryError, UsageError, did_you_mean

if TYPE_CHECKING:
    from mlmagic.registry.run_sources.runset import Candidate, Goal, RunSet

_RUN_LENGTH, _NAME_LENGTH = 15, 29
_SHOWN = 12
# Names of metrics that are better when they are smaller; scikit-learn's ``neg_…`` are not.
_SMALLER = re.compile(
    r"loss|error|deviance|perplexity|brier|(^|_)(r?mse|r?msle|mae|mape|smape|wape|wer|cer)(_|$)"
)


def choose(
    runs: RunSet,
    *,
    iteration: int | None = None,
    metric: str | None = None,
    direction: Goal | None = None,
) -> Candidate:
    """Return the trial that is meant.

    Args:
        runs: What was tried.
        iteration: This trial.
        metric: The best trial by this metric.
        direction: Whether larger or smaller is better; None goes by what the search says, else by
            the metric's name.

    Raises:
        UsageError: Both an iteration and a metric were given.
        RegistryError: There is no such trial or metric; the message lists those that there are.
    """
    if iteration is not None and metric is not None:
        raise UsageError(
            f"Both the iteration '{iteration}' and the metric '{metric}' were given.",
            hint="Give one of them, or neither for the best by the primary metric.",
        )
    if not runs.candidates:
        raise RegistryError(f"The {runs.source} run has no finished trial to register.")
    wanted = iteration
    if wanted is None and metric is None and direction is None:
        wanted = runs.best
    if wanted is not None:
        return _numbered(runs, wanted)
    return _best(runs, metric or runs.primary, direction)


def default_name(runs: RunSet, *, iteration: int | None = None, metric: str | None = None) -> str:
    """Make up a name as Azure ML v1 did: the run, and how the trial was chosen.

    Example:
        >>> from mlmagic.registry.run_sources import RunSet
        >>> default_name(RunSet(source="optuna", candidates=(), run_id="churn_study-2026"))
        'churnstudy2026best'
    """
    run = re.sub(r"[^a-zA-Z0-9]", "", runs.run_id or runs.source)[:_RUN_LENGTH]
    chosen = str(iteration) if iteration is not None else (metric or "best")
    return re.sub(r"[^a-zA-Z0-9.-]", "", f"{run}{chosen}")[:_NAME_LENGTH]


def goal_of(runs: RunSet, metric: str) -> Goal:
    """Say whether a metric is better when it is larger or smaller."""
    known = runs.goals.get(metric)
    if known is not None:
        return known
    name = metric.lower()
    negated = name.startswith("neg_") or "_neg_" in name
    return "minimize" if _SMALLER.search(name) and not negated else "maximize"


def _numbered(runs: RunSet, iteration: int) -> Candidate:
    for candidate in runs.candidates:
        if candidate.iteration == iteration:
            return candidate
    known = [str(candidate.iteration) for candidate in runs.candidates]
    more = ", …" if len(known) > _SHOWN else ""
    raise RegistryError(
        f"The {runs.source} run has no finished iteration '{iteration}'.",
        hint=f"There is {', '.join(known[:_SHOWN])}{more}.",
    )


def _best(runs: RunSet, metric: str | None, direction: Goal | None) -> Candidate:
    known = sorted({name for candidate in runs.candidates for name in candidate.metrics})
    if metric is None:
        raise UsageError(
            f"The {runs.source} run has no primary metric.",
            hint=f"Name a metric ({', '.join(known)}) or an iteration.",
        )
    measured = [each for each in runs.candidates if _measured(each, metric)]
    if not measured:
        raise RegistryError(
            f"The {runs.source} run has no metric '{metric}'.", hint=did_you_mean(metric, known)
        )
    smaller = (direction or goal_of(runs, metric)) == "minimize"
    # Of equal ones the first, as the searches themselves do.
    pick = min if smaller else max
    return pick(measured, key=lambda candidate: candidate.metrics[metric])


def _measured(candidate: Candidate, metric: str) -> bool:
    value = candidate.metrics.get(metric)
    return value is not None and value == value  # noqa: PLR0124 - NaN is not a measurement
