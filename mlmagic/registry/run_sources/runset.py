"""What a search, a study or an AutoML run tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Goal = Literal["maximize", "minimize"]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One trial.

    Attributes:
        iteration: Its number, as its own system counts.
        metrics: What was measured.
        params: What it was run with.
        model: Returns the fitted model (or a path); None where the system kept none.
        run_id: Its id, where it has one.
    """

    iteration: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    model: Callable[[], object] | None = None
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunSet:
    """All trials of one search.

    Attributes:
        source: What kind of search it is, such as ``optuna``.
        candidates: The trials that finished.
        primary: The metric that the search itself went by.
        goals: Which metrics are better when they are larger or smaller, where the search says so.
        run_id: The search, as its own system calls it.
        best: The iteration that the search itself holds for the best; None where ``primary``
            tells.
    """

    source: str
    candidates: Sequence[Candidate]
    primary: str | None = None
    goals: Mapping[str, Goal] = field(default_factory=dict)
    run_id: str = ""
    best: int | None = None
