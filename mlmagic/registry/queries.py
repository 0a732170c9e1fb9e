"""What is looked for among the registered models, as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.errors import UsageError, did_you_mean
from mlmagic.registry.frameworks import our_name
from mlmagic.registry.rows import label_value, read_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from mlmagic.entities import Model

_ORDERS = ("name", "version", "created_at", "framework")
_METRIC, _PARAM = "metrics.", "params."


@dataclass(frozen=True, kw_only=True)
class ModelQuery:
    """Which models, in which order, and how many; all conditions must hold.

    Attributes:
        name: Of this name.
        tags: Having each of these, ``key`` or ``key=value``.
        properties: Likewise.
        run_id: Registered from this run.
        framework: Of this framework, by our name or that of Azure ML v1.
        dataset: Made with this data, whatever for.
        parent: Derived from the version of this id.
        search: Words that occur in name, description, tags or properties, in any case.
        latest: Only the newest of each name among those that match.
        archived: With the archived ones too.
        order_by: ``name``, ``version``, ``created_at``, ``framework`` or ``metrics.NAME``; with
            ``-`` in front from the largest down. Name and version settle what is equal.
        top: At most so many.
        skip: After so many.
    """

    name: str | None = None
    tags: Sequence[str] = ()
    properties: Sequence[str] = ()
    run_id: str | None = None
    framework: str | None = None
    dataset: str | None = None
    parent: str | None = None
    search: str | None = None
    latest: bool = False
    archived: bool = False
    order_by: str | None = None
    top: int | None = None
    skip: int = 0


def find_models(connection: Connection, query: ModelQuery) -> list[Model]:
    """Return the models that a query asks for."""
    from mlmagic.registry.tables import models

    page = _selected(query, models.c.record).order_by(*_order(query))
    if query.top is not None:
        page = page.limit(query.top)
    if query.skip:
        page = page.offset(query.skip)
    return read_models(connection, list(connection.execute(page).scalars()))


def count_models(connection: Connection, query: ModelQuery) -> int:
    """Say how many models match, whatever ``top`` and ``skip`` are."""
    from sqlalchemy import func

    return int(connection.execute(_selected(query, func.count())).scalar_one())


def _selected(query: ModelQuery, column: Any) -> Select[Any]:
    from sqlalchemy import and_, func, select

    from mlmagic.registry.tables import models

    conditions = _conditions(query)
    if not query.latest:
        return select(column).select_from(models).where(*conditions)
    newest = (
        select(models.c.name, func.max(models.c.version).label("version"))
        .where(*conditions)
        .group_by(models.c.name)
        .subquery()
    )
    both = and_(models.c.name == newest.c.name, models.c.version == newest.c.version)
    return select(column).select_from(models.join(newest, both))


def _conditions(query: ModelQuery) -> list[ColumnElement[bool]]:
    from mlmagic.registry.tables import labels, models

    found: list[ColumnElement[bool]] = []
    for column, wanted in (
        (models.c.name, query.name),
        (models.c.run_id, query.run_id),
        (models.c.framework, query.framework and our_name(query.framework)),
    ):
        if wanted is not None:
            found.append(column == wanted)
    if not query.archived:
        found.append(models.c.archived.is_(False))
    words = (query.search or "").lower().split()
    found += [models.c.words.contains(word, autoescape=True) for word in words]
    wanted_labels = [("tag", each) for each in query.tags]
    wanted_labels += [("property", each) for each in query.properties]
    for kind, reference in (("dataset", query.dataset), ("parent", query.parent)):
        if reference is not None:
            is_named = labels.c.label == label_value(reference)
            found.append(_labelled(labels.c.kind == kind, is_named))
    for kind, each in wanted_labels:
        key, equals, value = each.partition("=")
        parts = [labels.c.kind == kind, labels.c.label == label_value(key)]
        if equals:
            parts.append(labels.c.value == label_value(value))
        found.append(_labelled(*parts))
    return found


def _labelled(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    from sqlalchemy import select

    from mlmagic.registry.tables import labels, models

    return models.c.id.in_(select(labels.c.model_id).where(*conditions))


def _order(query: ModelQuery) -> list[Any]:
    from mlmagic.registry.tables import models

    settled = [models.c.name, models.c.version]
    if query.order_by is None:
        return settled
    name = query.order_by.removeprefix("-")
    if name.startswith(_METRIC):
        column: Any = models.c.record["lineage"]["metrics"][name.removeprefix(_METRIC)].as_float()
    elif name in _ORDERS:
        column = models.c[name]
    else:
        raise UsageError(
            f"Models cannot be ordered by '{name}'.",
            hint=did_you_mean(name, [*_ORDERS, "metrics.NAME"]),
        )
    falling = query.order_by.startswith("-")
    return [(column.desc() if falling else column.asc()).nulls_last(), *settled]
