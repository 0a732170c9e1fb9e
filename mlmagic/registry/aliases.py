"""Names that point at one version of a model, such as ``churn@champion``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlmagic.entities import AliasMove
from mlmagic.errors import RegistryError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ALIAS = re.compile(r"[a-zA-Z][a-zA-Z0-9\-\._]{0,63}")


def check_alias(alias: str) -> None:
    """Refuse an alias that could be taken for something else.

    Raises:
        RegistryError: It is too long, badly formed, or ``latest``.
    """
    if not _ALIAS.fullmatch(alias):
        raise RegistryError(
            f"The alias '{alias}' is not valid.",
            hint="An alias has 1 to 64 letters, digits, '-', '.' or '_', and starts with a letter.",
        )
    if alias.lower() == "latest":
        raise RegistryError(
            "The alias 'latest' is always the newest version.", hint="Choose another name."
        )


def current(connection: Connection, name: str) -> dict[str, int]:
    """Return the aliases of a name, and where each points."""
    from sqlalchemy import select

    from mlmagic.registry.tables import aliases

    query = select(aliases.c.alias, aliases.c.version).where(aliases.c.name == name)
    return {row.alias: row.version for row in connection.execute(query.order_by(aliases.c.alias))}


def move(connection: Connection, name: str, alias: str, version: int | None, *, who: str) -> None:
    """Point an alias at a version, or at nothing, and write that into the history."""
    from mlmagic.registry.claims import insert_for
    from mlmagic.registry.tables import alias_moves, aliases

    where = (aliases.c.name == name) & (aliases.c.alias == alias)
    if version is None:
        connection.execute(aliases.delete().where(where))
    else:
        row = insert_for(connection)(aliases).values(name=name, alias=alias, version=version)
        connection.execute(
            row.on_conflict_do_update(index_elements=["name", "alias"], set_={"version": version})
        )
    connection.execute(
        alias_moves.insert().values(
            name=name,
            alias=alias,
            version=version,
            moved_at=datetime.now(UTC).isoformat(timespec="microseconds"),
            moved_by=who,
        )
    )


def history(connection: Connection, name: str, alias: str | None = None) -> list[AliasMove]:
    """Return how the aliases of a name moved, oldest first."""
    from sqlalchemy import select

    from mlmagic.registry.tables import alias_moves

    query = select(alias_moves).where(alias_moves.c.name == name).order_by(alias_moves.c.id)
    if alias is not None:
        query = query.where(alias_moves.c.alias == alias)
    return [
        AliasMove(
            name=row.name,
            alias=row.alias,
            version=row.version,
            moved_at=datetime.fromisoformat(row.moved_at),
            moved_by=row.moved_by,
        )
        for row in connection.execute(query)
    ]
