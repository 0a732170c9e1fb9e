"""What is registered: rows of the database as ``entities.Model``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.entities import Model
from mlmagic.errors import ModelNotFoundError, RegistryError, did_you_mean
from mlmagic.files import RECORD_FORMAT, to_builtins
from mlmagic.registry.naming import parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from mlmagic.entities import Registration


class Catalogue:
    """The table of models.

    Args:
        directory: The workspace's ``.mlmagic``.
        url: SQLAlchemy URL; None is ``registry.db`` in the directory.
    """

    def __init__(self, directory: Path, url: str | None = None) -> None:
        from mlmagic.registry.database import Database

        self.database = Database(directory, url)

    def register(
        self, draft: Model, decide: Callable[[list[Model], Model], Registration]
    ) -> Registration:
        """Add a version, or change one, in one transaction.

        Args:
            draft: The model; its version is set here.
            decide: Given the versions of that name with the same digest (newest first) and the
                draft, says which model stands for it and how that came about.
        """
        from sqlalchemy import select

        from mlmagic.registry.tables import models

        with self.database.writing() as connection:
            query = select(models.c.record).where(
                models.c.name == draft.name, models.c.digest == draft.digest
            )
            rows = connection.execute(query.order_by(models.c.version.desc()))
            registration = decide([_model(row.record) for row in rows], draft)
            if registration.outcome == "registered":
                model = replace(registration.model, version=_next_version(connection, draft.name))
                connection.execute(models.insert().values(**_row(model)))
                return replace(registration, model=model, newest=model.version)
            if registration.outcome == "updated":
                _save(connection, registration.model)
            return replace(registration, newest=_versions(connection, draft.name)[-1])

    def get(self, reference: str) -> Model:
        """Return one model; the newest version where none is named."""
        with self.database.reading() as connection:
            return _find(connection, reference)

    def change(self, reference: str, edit: Callable[[Model], Model]) -> Model:
        """Rewrite one record in one transaction."""
        with self.database.writing() as connection:
            model = edit(_find(connection, reference))
            _save(connection, model)
        return model

    def remove(self, reference: str) -> Model:
        """Take one version away."""
        from sqlalchemy import delete

        from mlmagic.registry.tables import models

        with self.database.writing() as connection:
            model = _find(connection, reference)
            connection.execute(
                delete(models).where(models.c.name == model.name, models.c.version == model.version)
            )
        return model

    def all(self, name: str | None = None) -> list[Model]:
        """Return models by name, then version."""
        from sqlalchemy import select

        from mlmagic.registry.tables import models

        query = select(models.c.record).order_by(models.c.name, models.c.version)
        if name is not None:
            query = query.where(models.c.name == name)
        with self.database.reading() as connection:
            return [_model(row.record) for row in connection.execute(query)]

    def names(self) -> list[str]:
        """Return the names that have a version."""
        with self.database.reading() as connection:
            return _names(connection)

    def versions(self, name: str) -> list[int]:
        """Return the versions of a name, oldest first."""
        with self.database.reading() as connection:
            return _versions(connection, name)


def _find(connection: Connection, reference: str) -> Model:
    from sqlalchemy import select

    from mlmagic.registry.tables import models

    name, version = parse_reference(reference)
    query = select(models.c.record).where(models.c.name == name)
    if version is not None:
        query = query.where(models.c.version == version)
    record = connection.execute(query.order_by(models.c.version.desc()).limit(1)).scalar()
    if record is not None:
        return _model(record)
    known = _versions(connection, name)
    if not known:
        raise ModelNotFoundError(
            f"No model is registered as '{name}'.", hint=did_you_mean(name, _names(connection))
        )
    there = ", ".join(f"'{name}:{number}'" for number in known[-12:])
    raise ModelNotFoundError(f"The model '{reference}' does not exist.", hint=f"There is {there}.")


def _names(connection: Connection) -> list[str]:
    from sqlalchemy import select

    from mlmagic.registry.tables import models

    query = select(models.c.name).distinct().order_by(models.c.name)
    return list(connection.execute(query).scalars())


def _versions(connection: Connection, name: str) -> list[int]:
    from sqlalchemy import select

    from mlmagic.registry.tables import models

    query = select(models.c.version).where(models.c.name == name).order_by(models.c.version)
    return list(connection.execute(query).scalars())


def _next_version(connection: Connection, name: str) -> int:
    from sqlalchemy import select, update

    from mlmagic.registry.tables import names

    raised = update(names).where(names.c.name == name).values(last_version=names.c.last_version + 1)
    if connection.execute(raised).rowcount == 0:
        connection.execute(names.insert().values(name=name, last_version=1))
    query = select(names.c.last_version).where(names.c.name == name)
    return int(connection.execute(query).scalar_one())


def _save(connection: Connection, model: Model) -> None:
    from sqlalchemy import update

    from mlmagic.registry.tables import models

    where = (models.c.name == model.name) & (models.c.version == model.version)
    connection.execute(update(models).where(where).values(**_row(model)))


def _row(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "created_at": model.created_at.isoformat(),
        "record": {"format": RECORD_FORMAT, **to_builtins(model)},
    }


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
