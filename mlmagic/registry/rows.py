"""From a record (``entities.Model``) to rows of the tables, and back."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Model
from mlmagic.errors import RegistryError
from mlmagic.files import RECORD_FORMAT, digest_text, to_builtins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_LABEL_LENGTH = 255


def model_row(model: Model) -> dict[str, Any]:
    """Return the columns of ``models``."""
    pairs = {**model.tags, **model.properties}
    words = (model.name, model.description, *pairs, *pairs.values())
    # JSON has no numbers that are none. Where aliases point is known by their own table alone.
    lineage = replace(model.lineage, metrics=_finite(model))
    kept = replace(model, lineage=lineage, aliases=())
    return {
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "created_at": model.created_at.isoformat(timespec="microseconds"),
        "framework": model.framework,
        "run_id": model.lineage.run_id,
        "archived": model.archived,
        "words": "\n".join(words).lower(),
        "record": {"format": RECORD_FORMAT, **to_builtins(kept)},
    }


def label_rows(model_id: int, model: Model) -> list[dict[str, Any]]:
    """Return the rows of ``labels``: tags, properties, data sets and the parent."""
    pairs = [("tag", *pair) for pair in model.tags.items()]
    pairs += [("property", *pair) for pair in model.properties.items()]
    pairs += [
        ("dataset", reference, scenario)
        for scenario, references in model.lineage.datasets.items()
        for reference in references
    ]
    if model.lineage.parent is not None:
        pairs.append(("parent", model.lineage.parent, ""))
    unique = {(kind, label_value(key)): label_value(value) for kind, key, value in pairs}
    return [
        {"model_id": model_id, "kind": kind, "label": label, "value": value, **_listed(model)}
        for (kind, label), value in unique.items()
    ]


def metric_rows(model_id: int, model: Model) -> list[dict[str, Any]]:
    """Return the rows of ``metrics``."""
    measured = {label_value(metric): value for metric, value in _finite(model).items()}
    return [
        {"model_id": model_id, "metric": metric, "value": value, **_listed(model)}
        for metric, value in measured.items()
    ]


def label_value(text: str) -> str:
    """Shorten what would not fit into an index, keeping different texts different."""
    if len(text) <= _LABEL_LENGTH:
        return text
    digest = digest_text(text)
    return f"{text[: _LABEL_LENGTH - len(digest) - 1]}#{digest}"


def content_rows(model_id: int, model: Model) -> list[dict[str, Any]]:
    """Return the rows of ``model_contents``."""
    digests = dict.fromkeys(file.sha256 for file in model.contents)
    return [{"model_id": model_id, "digest": digest} for digest in digests]


def insert_model(connection: Connection, model: Model) -> None:
    """Add a version with all that queries look for."""
    from mlmagic.registry.tables import models

    added = models.insert().values(**model_row(model)).returning(models.c.id)
    _insert_parts(connection, connection.execute(added).scalar_one(), model)


def save_model(connection: Connection, model: Model) -> None:
    """Rewrite a version's record and what queries look for."""
    from sqlalchemy import select, update

    from mlmagic.registry.tables import models

    where = (models.c.name == model.name) & (models.c.version == model.version)
    key = connection.execute(select(models.c.id).where(where)).scalar_one()
    connection.execute(update(models).where(where).values(**model_row(model)))
    _delete_parts(connection, key)
    _insert_parts(connection, key, model)


def delete_model(connection: Connection, model: Model) -> None:
    """Take a version and its rows away."""
    from sqlalchemy import delete, select

    from mlmagic.registry.tables import models

    where = (models.c.name == model.name) & (models.c.version == model.version)
    key = connection.execute(select(models.c.id).where(where)).scalar_one()
    _delete_parts(connection, key)
    connection.execute(delete(models).where(where))


def read_models(connection: Connection, records: Sequence[str | bytes]) -> list[Model]:
    """Turn records into models, each with the aliases that point at it."""
    models = [_model(record) for record in records]
    pointing = _aliases(connection, {model.name for model in models})
    return [
        replace(model, aliases=tuple(pointing[model.name, model.version]))
        if (model.name, model.version) in pointing
        else model
        for model in models
    ]


def _listed(model: Model) -> dict[str, Any]:
    """What the rows of labels and metrics repeat of their model: lists are made from them."""
    return {"name": model.name, "version": model.version, "archived": model.archived}


def _finite(model: Model) -> dict[str, float]:
    measured = model.lineage.metrics.items()
    return {metric: value for metric, value in measured if math.isfinite(value)}


def _insert_parts(connection: Connection, key: int, model: Model) -> None:
    from mlmagic.registry.tables import labels, metrics, model_contents

    for table, rows in (
        (labels, label_rows(key, model)),
        (metrics, metric_rows(key, model)),
        (model_contents, content_rows(key, model)),
    ):
        if rows:
            connection.execute(table.insert(), rows)


def _delete_parts(connection: Connection, key: int) -> None:
    from mlmagic.registry.tables import labels, metrics, model_contents

    for table in (labels, metrics, model_contents):
        connection.execute(table.delete().where(table.c.model_id == key))


def _aliases(connection: Connection, names: set[str]) -> dict[tuple[str, int], list[str]]:
    from sqlalchemy import select

    from mlmagic.registry.tables import aliases

    found: dict[tuple[str, int], list[str]] = {}
    wanted = sorted(names)
    for start in range(0, len(wanted), 500):
        query = select(aliases).where(aliases.c.name.in_(wanted[start : start + 500]))
        for row in connection.execute(query.order_by(aliases.c.alias)):
            found.setdefault((row.name, row.version), []).append(row.alias)
    return found


def _model(record: str | bytes) -> Model:
    import msgspec

    try:
        return msgspec.json.decode(record, type=Model)
    except msgspec.DecodeError as error:  # its subclass says what is not as it should be
        fields = _fields(record)
        with suppress(msgspec.ValidationError):
            return msgspec.convert(fields, Model)
        raise RegistryError(
            f"The record of model '{fields.get('name')}:{fields.get('version')}' is damaged:"
            f" {error}.",
            hint="Delete this version, or restore the registry from a copy.",
        ) from error


def _fields(record: str | bytes) -> dict[str, Any]:
    """Read a record as earlier versions wrote it: with ``NaN`` among its metrics."""
    try:
        found = json.loads(record)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
