"""From a record (``entities.Model``) to rows of the tables, and back."""

from __future__ import annotations

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
    return {
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "created_at": model.created_at.isoformat(timespec="microseconds"),
        "framework": model.framework,
        "run_id": model.lineage.run_id,
        "archived": model.archived,
        "words": "\n".join(words).lower(),
        # Where aliases point is known by their own table alone.
        "record": {"format": RECORD_FORMAT, **to_builtins(replace(model, aliases=()))},
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
        {"model_id": model_id, "kind": kind, "label": label, "value": value}
        for (kind, label), value in unique.items()
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


def read_models(connection: Connection, records: Sequence[dict[str, Any]]) -> list[Model]:
    """Turn records into models, each with the aliases that point at it."""
    models = [_model(record) for record in records]
    pointing = _aliases(connection, {model.name for model in models})
    return [
        replace(model, aliases=tuple(pointing[model.name, model.version]))
        if (model.name, model.version) in pointing
        else model
        for model in models
    ]


def _insert_parts(connection: Connection, key: int, model: Model) -> None:
    from mlmagic.registry.tables import labels, model_contents

    parts = ((labels, label_rows(key, model)), (model_contents, content_rows(key, model)))
    for table, rows in parts:
        if rows:
            connection.execute(table.insert(), rows)


def _delete_parts(connection: Connection, key: int) -> None:
    from mlmagic.registry.tables import labels, model_contents

    for table in (labels, model_contents):
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


def _model(record: dict[str, Any]) -> Model:
    import msgspec

    fields = {key: value for key, value in record.items() if key != "format"}
    try:
        return msgspec.convert(fields, Model)
    except msgspec.ValidationError as error:
        raise RegistryError(
            f"The record of model '{record.get('name')}:{record.get('version')}' is damaged:"
            f" {error}.",
            hint="Delete this version, or restore the registry from a copy.",
        ) from error
