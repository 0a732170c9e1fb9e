"""Models as a data frame, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmagic.entities import Model


def models_frame(models: Iterable[Model]) -> Any:
    """Return a data frame with one row for each model, indexed by its id.

    Metrics and parameters are columns such as ``metrics.f1``, so that frames sort and plot them.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "A data frame of models needs 'pandas'.", hint="Install it: pip install pandas."
        ) from error
    rows = [_row(model) for model in models]
    frame = pd.DataFrame(rows, columns=None if rows else list(_FACTS))
    return frame.set_index("id")


_FACTS = ("id", "name", "version", "framework", "size", "aliases", "tags", "created_at", "run_id")


def _row(model: Model) -> dict[str, Any]:
    lineage = model.lineage
    facts = (
        *(model.id, model.name, model.version, model.framework, model.size),
        *(", ".join(model.aliases), model.tags, model.created_at, lineage.run_id),
    )
    return (
        dict(zip(_FACTS, facts, strict=True))
        | {f"metrics.{name}": value for name, value in lineage.metrics.items()}
        | {f"params.{name}": value for name, value in lineage.params.items()}
    )
