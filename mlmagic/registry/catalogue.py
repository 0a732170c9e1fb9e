"""What is registered: every transaction on the tables of models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.errors import ModelNotFoundError, did_you_mean
from mlmagic.registry import aliases, claims, queries
from mlmagic.registry.naming import parse_reference
from mlmagic.registry.rows import delete_model, insert_model, read_models, save_model

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from mlmagic.entities import AliasMove, ContentFile, Model, Registration

_MANY = 500


class ContentsCollectedError(Exception):
    """Contents were collected between their upload and the registration.

    Attributes:
        digests: Which.
    """

    def __init__(self, digests: Collection[str]) -> None:
        super().__init__(*digests)
        self.digests = digests


class Catalogue:
    """The tables of models.

    Args:
        directory: The workspace's ``.mlmagic``.
        url: SQLAlchemy URL; None is ``registry.db`` in the directory.
    """

    def __init__(self, directory: Path, url: str | None = None) -> None:
        from mlmagic.registry.database import Database

        self.database = Database(directory, url)

    def register(
        self,
        draft: Model,
        decide: Callable[[list[Model], Model], Registration],
        *,
        claimed: bool = False,
    ) -> Registration:
        """Add a version, or change one, in one transaction.

        Args:
            draft: The model; its version is set here.
            decide: Given the versions of that name with the same digest (newest first) and the
                draft, says which model stands for it and how that came about.
            claimed: The contents lie in a shared store, and have to be claimed.

        Raises:
            ContentsCollectedError: A content has to be uploaded again.
        """
        from sqlalchemy import select

        from mlmagic.registry.tables import models, record_text

        with self.database.writing() as connection:
            last = _lock_name(connection, draft.name)
            if claimed and (lost := claims.renew(connection, draft.contents)):
                raise ContentsCollectedError(lost)
            query = select(record_text).where(
                models.c.name == draft.name, models.c.digest == draft.digest
            )
            records = connection.execute(query.order_by(models.c.version.desc())).scalars()
            registration = decide(read_models(connection, list(records)), draft)
            if registration.outcome == "registered":
                model = replace(registration.model, version=last + 1)
                _give_version(connection, model)
                insert_model(connection, model)
                return replace(registration, model=model, newest=model.version)
            if registration.outcome == "updated":
                save_model(connection, registration.model)
            return replace(registration, newest=_versions(connection, draft.name)[-1])

    def get(self, reference: str) -> Model:
        """Return one model; the newest version where none is named."""
        with self.database.reading() as connection:
            return _find(connection, reference)

    def find(self, query: queries.ModelQuery) -> list[Model]:
        """Return the models that a query asks for."""
        with self.database.reading() as connection:
            return queries.find_models(connection, query)

    def count(self, query: queries.ModelQuery) -> int:
        """Say how many models match a query."""
        with self.database.reading() as connection:
            return queries.count_models(connection, query)

    def change(
        self, reference: str, edit: Callable[[Model], Model], *, claimed: bool = False
    ) -> Model:
        """Rewrite one record in one transaction; ``claimed`` as for ``register``."""
        with self.database.writing() as connection:
            # The lock comes before the look: nobody changes the record in between.
            _lock_name(connection, parse_reference(reference).name)
            model = edit(_find(connection, reference))
            if claimed and (lost := claims.renew(connection, model.contents)):
                raise ContentsCollectedError(lost)
            save_model(connection, model)
        return model

    def remove(self, reference: str, *, claimed: bool = False) -> Model:
        """Take one version away, and the aliases that point at it."""
        with self.database.writing() as connection:
            _lock_name(connection, parse_reference(reference).name)
            model = _find(connection, reference)
            delete_model(connection, model)
            for alias in model.aliases:
                aliases.move(connection, model.name, alias, None, who="deletion")
            if claimed:  # their grace time begins now
                claims.renew(connection, model.contents)
        return model

    def move_alias(self, reference: str, alias: str, *, who: str) -> Model:
        """Point an alias at a version."""
        with self.database.writing() as connection:
            _lock_name(connection, parse_reference(reference).name)
            model = _find(connection, reference)
            if alias not in model.aliases:
                aliases.move(connection, model.name, alias, model.version, who=who)
            return _find(connection, model.id)

    def remove_alias(self, name: str, alias: str, *, who: str) -> Model:
        """Take an alias away; return the model that it pointed at."""
        with self.database.writing() as connection:
            _lock_name(connection, name)
            model = _find(connection, f"{name}@{alias}")
            aliases.move(connection, name, alias, None, who=who)
            return _find(connection, model.id)

    def alias_history(self, name: str, alias: str | None = None) -> list[AliasMove]:
        """Return how the aliases of a name moved, oldest first."""
        with self.database.reading() as connection:
            return aliases.history(connection, name, alias)

    def all(self) -> Iterator[Model]:
        """Walk over every version by name and number, some at a time."""
        from sqlalchemy import select, tuple_

        from mlmagic.registry.tables import models, record_text

        last = ("", 0)
        while True:
            query = select(record_text).where(tuple_(models.c.name, models.c.version) > last)
            page = query.order_by(models.c.name, models.c.version).limit(_MANY)
            with self.database.reading() as connection:
                found = read_models(connection, list(connection.execute(page).scalars()))
            if not found:
                return
            yield from found
            last = (found[-1].name, found[-1].version)

    def names(self) -> list[str]:
        """Return the names that have a version."""
        with self.database.reading() as connection:
            return _names(connection)

    def versions(self, name: str) -> list[int]:
        """Return the versions of a name, oldest first."""
        with self.database.reading() as connection:
            return _versions(connection, name)

    def digests(self) -> set[str]:
        """Return the contents that any version needs."""
        with self.database.reading() as connection:
            return claims.used(connection)

    def claim(self, files: Sequence[ContentFile]) -> None:
        """Say that contents of the shared store are about to be used."""
        with self.database.writing() as connection:
            claims.claim(connection, files)

    def unclaimed(self, digests: Collection[str], *, grace_seconds: float) -> list[str]:
        """Say which stored contents nobody needs or claims."""
        with self.database.writing() as connection:
            return claims.unclaimed(connection, digests, grace_seconds=grace_seconds)

    def collect(self, digest: str, remove: Callable[[], None], *, grace_seconds: float) -> bool:
        """Take one content of the shared store away, unless somebody claims it meanwhile."""
        with self.database.writing() as connection:
            return claims.collect(connection, digest, remove, grace_seconds=grace_seconds)


def _find(connection: Connection, reference: str) -> Model:
    from sqlalchemy import select

    from mlmagic.registry.tables import models, record_text

    wanted = parse_reference(reference)
    name, version = wanted.name, wanted.version
    if wanted.alias is not None:
        version = aliases.current(connection, name).get(wanted.alias, 0)
    query = select(record_text).where(models.c.name == name)
    if version is not None:
        query = query.where(models.c.version == version)
    # What is archived is the newest only where nothing else is there.
    newest = query.order_by(models.c.archived, models.c.version.desc()).limit(1)
    record = connection.execute(newest).scalar()
    if record is None:
        raise _not_found(connection, reference)
    return read_models(connection, [record])[0]


def _not_found(connection: Connection, reference: str) -> ModelNotFoundError:
    wanted = parse_reference(reference)
    known = _versions(connection, wanted.name)
    if not known:
        return ModelNotFoundError(
            f"No model is registered as '{wanted.name}'.",
            hint=did_you_mean(wanted.name, _names(connection)),
        )
    if wanted.alias is not None:
        return ModelNotFoundError(
            f"The model '{wanted.name}' has no alias '{wanted.alias}'.",
            hint=did_you_mean(wanted.alias, aliases.current(connection, wanted.name)),
        )
    there = ", ".join(f"'{wanted.name}:{number}'" for number in known[-12:])
    return ModelNotFoundError(f"The model '{reference}' does not exist.", hint=f"There is {there}.")


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


def _lock_name(connection: Connection, name: str) -> int:
    """Take the lock of a name until the transaction ends; return the last version given out.

    SQLite's transaction has locked everything already.
    """
    from sqlalchemy import select

    from mlmagic.registry.tables import names

    query = select(names.c.last_version).where(names.c.name == name).with_for_update()
    last = connection.execute(query).scalar()
    if last is None:
        row = claims.insert_for(connection)(names).values(name=name, last_version=0)
        connection.execute(row.on_conflict_do_nothing())
        last = connection.execute(query).scalar_one()
    return int(last)


def _give_version(connection: Connection, model: Model) -> None:
    from sqlalchemy import update

    from mlmagic.registry.tables import names

    raised = update(names).where(names.c.name == model.name)
    connection.execute(raised.values(last_version=model.version))
