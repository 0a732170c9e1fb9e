"""What is looked for among the registered models, as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.errors import UsageError, did_you_mean
from mlmagic.registry.frameworks import our_name
from mlmagic.registry.rows import label_value, read_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Join, Select, Subquery

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
    from sqlalchemy import select

    from mlmagic.registry.tables import models

    # The page is chosen by indexes alone; records are read of what is shown.
    page = (_newest_page(query) if _by_name(query) else _page(query)).subquery()
    join = models.join(page, models.c.id == page.c.id)
    found = select(models.c.record).select_from(join).order_by(*_order(query))
    return read_models(connection, list(connection.execute(found).scalars()))


def count_models(connection: Connection, query: ModelQuery) -> int:
    """Say how many models match, whatever ``top`` and ``skip`` are."""
    from sqlalchemy import func

    return int(connection.execute(_selected(query, func.count())).scalar_one())


def _by_name(query: ModelQuery) -> bool:
    """Whether it is the newest of each name that are asked for, in the order of names."""
    return query.latest and query.order_by is None


def _page(query: ModelQuery) -> Select[Any]:
    from mlmagic.registry.tables import models

    return _cut(_selected(query, models.c.id).order_by(*_order(query)), query)


def _newest_page(query: ModelQuery) -> Select[Any]:
    """Choose the names first: those behind the page are not looked at."""
    from sqlalchemy import select

    from mlmagic.registry.tables import models

    newest = _cut(_newest(query).order_by(models.c.name), query).subquery()
    return select(models.c.id).select_from(_join_newest(newest))


def _cut(selected: Select[Any], query: ModelQuery) -> Select[Any]:
    if query.top is not None:
        selected = selected.limit(query.top)
    return selected.offset(query.skip) if query.skip else selected


def _selected(query: ModelQuery, column: Any) -> Select[Any]:
    from sqlalchemy import select

    from mlmagic.registry.tables import models

    if not query.latest:
        return select(column).select_from(models).where(*_conditions(query))
    return select(column).select_from(_join_newest(_newest(query).subquery()))


def _newest(query: ModelQuery) -> Select[Any]:
    from sqlalchemy import func, select

    from mlmagic.registry.tables import models

    newest = select(models.c.name, func.max(models.c.version).label("version"))
    return newest.where(*_conditions(query)).group_by(models.c.name)


def _join_newest(newest: Subquery) -> Join:
    from sqlalchemy import and_

    from mlmagic.registry.tables import models

    both = and_(models.c.name == newest.c.name, models.c.version == newest.c.version)
    return models.join(newest, both)


def _conditions(query: ModelQuery) -> list[ColumnElement[bool]]:
    from sqlalchemy import intersect

    from mlmagic.registry.tables import models

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
    labelled = _labelled(query)
    if labelled:
        # What has all labels is found in their index, before any model is looked at.
        found.append(models.c.id.in_(intersect(*labelled) if len(labelled) > 1 else labelled[0]))
    return found


def _labelled(query: ModelQuery) -> list[Select[Any]]:
    """Say for each label that is wanted which models have it."""
    from sqlalchemy import select

    from mlmagic.registry.tables import labels

    wanted = [("tag", *each.partition("=")) for each in query.tags]
    wanted += [("property", *each.partition("=")) for each in query.properties]
    for kind, reference in (("dataset", query.dataset), ("parent", query.parent)):
        if reference is not None:
            wanted.append((kind, reference, "", ""))
    found = []
    for kind, key, equals, value in wanted:
        having = [labels.c.kind == kind, labels.c.label == label_value(key)]
        if equals:
            having.append(labels.c.value == label_value(value))
        found.append(select(labels.c.model_id).where(*having))
    return found


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
