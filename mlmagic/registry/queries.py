"""What is looked for among the registered models, as SQL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlmagic.addresses import public
from mlmagic.errors import UsageError, did_you_mean
from mlmagic.registry.frameworks import our_name
from mlmagic.registry.rows import label_value, read_models

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from mlmagic.entities import Model

_ORDERS = ("name", "version", "created_at", "framework")
_OF_MODELS = ("created_at", "framework")  # labels do not repeat these
_METRIC = "metrics."
_MANY = 500


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
        ids: One of these, each as ``name:version``; None is any.
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
    ids: Collection[str] | None = None
    latest: bool = False
    archived: bool = False
    order_by: str | None = None
    top: int | None = None
    skip: int = 0


def find_models(connection: Connection, query: ModelQuery) -> list[Model]:
    """Return the models that a query asks for."""
    from sqlalchemy import select

    from mlmagic.registry.tables import models, record_text

    # The page is chosen by indexes alone; records are read of what is shown.
    keys = _page(connection, query)
    records: dict[int, str] = {}
    for start in range(0, len(keys), _MANY):
        some = models.c.id.in_(keys[start : start + _MANY])
        rows = connection.execute(select(models.c.id, record_text).where(some))
        records.update({row.id: row.record for row in rows})
    return read_models(connection, [records[key] for key in keys if key in records])


def count_models(connection: Connection, query: ModelQuery) -> int:
    """Say how many models match, whatever ``top`` and ``skip`` are."""
    from sqlalchemy import func, select

    if query.latest:
        matching = _newest(query, _look(query)).subquery()
    else:
        look = _look(query)
        matching = select(look.key).select_from(look.source).where(*look.conditions).subquery()
    return int(connection.execute(select(func.count()).select_from(matching)).scalar_one())


@dataclass(frozen=True)
class _Look:
    """Where a query looks, and the columns that tell of a version there.

    Attributes:
        source: The tables; the first of them has an index in the order of names and versions.
        conditions: What holds of their rows.
        key: The model's id.
    """

    source: Any
    conditions: list[ColumnElement[bool]]
    key: Any
    name: Any
    version: Any


def _look(query: ModelQuery) -> _Look:
    """Look at labels where some are wanted, and at models where nothing else knows."""
    from sqlalchemy import tuple_

    from mlmagic.registry.tables import labels, models

    wanted = _labelled(query)
    tables = [labels.alias(f"label_{number}") for number in range(len(wanted))]
    first: Any = tables[0] if tables else models
    key = first.c.model_id if tables else models.c.id
    source, conditions = first, []
    for table, (kind, label, value) in zip(tables, wanted, strict=True):
        conditions += [table.c.kind == kind, table.c.label == label]
        if value is not None:
            conditions.append(table.c.value == value)
        if table is not first:
            source = source.join(table, table.c.model_id == key)
    if query.name is not None:
        conditions.append(first.c.name == query.name)
    if query.ids is not None:
        pairs = [_pair(each) for each in query.ids]
        conditions.append(tuple_(first.c.name, first.c.version).in_(pairs))
    if not query.archived:
        conditions.append(first.c.archived.is_(False))
    others = _of_models(query)
    if tables and (others or (query.order_by or "").removeprefix("-") in _OF_MODELS):
        source = source.join(models, models.c.id == key)
    return _Look(source, conditions + others, key, first.c.name, first.c.version)


def _pair(model_id: str) -> tuple[str, int]:
    name, _, version = model_id.rpartition(":")
    if not (name and version.isascii() and version.isdecimal()):
        raise UsageError(
            f"'{model_id}' is not the id of a model.", hint="Write its name and version: 'name:3'."
        )
    return name, int(version)


def _of_models(query: ModelQuery) -> list[ColumnElement[bool]]:
    """Say what only the table of models knows."""
    from mlmagic.registry.tables import models

    found: list[ColumnElement[bool]] = []
    if query.run_id is not None:
        found.append(models.c.run_id == query.run_id)
    if query.framework is not None:
        found.append(models.c.framework == our_name(query.framework))
    words = (query.search or "").lower().split()
    return found + [models.c.words.contains(word, autoescape=True) for word in words]


def _labelled(query: ModelQuery) -> list[tuple[str, str, str | None]]:
    """Say which labels are wanted: kind, label, and value unless any will do."""
    found: list[tuple[str, str, str | None]] = []
    for kind, pairs in (("tag", query.tags), ("property", query.properties)):
        for pair in pairs:
            key, equals, value = pair.partition("=")
            found.append((kind, label_value(key), label_value(value) if equals else None))
    for kind, reference in (("dataset", query.dataset), ("parent", query.parent)):
        if reference is not None:
            found.append((kind, label_value(public(reference)), None))
    return found


def _newest(query: ModelQuery, look: _Look) -> Select[Any]:
    """Select the name and the newest version of each that match."""
    from sqlalchemy import func, select

    from mlmagic.registry.tables import models, names

    newest = func.max(look.version).label("version")
    if look.source is not models or query.name is not None or _of_models(query):
        found = select(look.name.label("name"), newest).select_from(look.source)
        return found.where(*look.conditions).group_by(look.name)
    # Of each name one step into the index, in place of a walk over all of it.
    of_name = select(newest).where(*look.conditions, look.name == names.c.name).correlate(names)
    given = select(names.c.name, of_name.scalar_subquery().label("version")).subquery()
    return select(given).where(given.c.version.is_not(None))


def _page(connection: Connection, query: ModelQuery) -> list[int]:
    """Choose the models that are shown, in their order."""
    look = _look(query)
    if query.latest and query.order_by is None:  # names behind the page are not looked at
        look = _joined(_cut(_newest(query, look).order_by("name"), query.top, query.skip))
        return _keys(connection, look, _order(query, look))
    if query.latest:
        look = _joined(_newest(query, look))
    metric = (query.order_by or "").removeprefix("-")
    if metric.startswith(_METRIC):
        return _page_by_metric(connection, query, look, metric.removeprefix(_METRIC))
    return _keys(connection, look, _order(query, look), query.top, query.skip)


def _page_by_metric(
    connection: Connection, query: ModelQuery, look: _Look, metric: str
) -> list[int]:
    """Take those with the metric by its index, and behind them those without, where they show."""
    from sqlalchemy import and_, select

    from mlmagic.registry.tables import metrics

    end = None if query.top is None else query.skip + query.top
    # Of one name or run there are few: an expression keeps the planner from walking all metrics.
    few = query.name is not None or query.run_id is not None
    named = metrics.c.metric.concat("") if few else metrics.c.metric
    mine = and_(metrics.c.model_id == look.key, named == label_value(metric))
    falling = (query.order_by or "").startswith("-")
    value = metrics.c.value
    measured = replace(look, source=look.source.join(metrics, mine))
    order = [value.desc() if falling else value, look.name, look.version]
    keys = _keys(connection, measured, order, end)
    if end is None or len(keys) < end:
        lacking = ~select(metrics.c.model_id).where(mine).correlate_except(metrics).exists()
        rest = replace(look, conditions=[*look.conditions, lacking])
        left = None if end is None else end - len(keys)
        keys += _keys(connection, rest, [look.name, look.version], left)
    return keys[query.skip :]


def _keys(
    connection: Connection, look: _Look, order: list[Any], top: int | None = None, skip: int = 0
) -> list[int]:
    from sqlalchemy import select

    chosen = select(look.key).select_from(look.source).where(*look.conditions).order_by(*order)
    return list(connection.execute(_cut(chosen, top, skip)).scalars())


def _joined(newest: Select[Any]) -> _Look:
    from sqlalchemy import and_

    from mlmagic.registry.tables import models

    found = newest.subquery()
    both = and_(models.c.name == found.c.name, models.c.version == found.c.version)
    return _Look(models.join(found, both), [], models.c.id, models.c.name, models.c.version)


def _cut(selected: Select[Any], top: int | None, skip: int) -> Select[Any]:
    if top is not None:
        selected = selected.limit(top)
    return selected.offset(skip) if skip else selected


def _order(query: ModelQuery, look: _Look) -> list[Any]:
    from mlmagic.registry.tables import models

    settled = [look.name, look.version]
    if query.order_by is None:
        return settled
    name = query.order_by.removeprefix("-")
    if name not in _ORDERS:
        raise UsageError(
            f"Models cannot be ordered by '{name}'.",
            hint=did_you_mean(name, [*_ORDERS, "metrics.NAME"]),
        )
    column = {"name": look.name, "version": look.version}.get(name, models.c[name])
    return [column.desc() if query.order_by.startswith("-") else column, *settled]
