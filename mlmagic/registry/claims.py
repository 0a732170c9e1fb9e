"""Between who uploads a content of a shared store and who collects what nobody uses.

Whoever is about to use a content claims it first, in a transaction of its own. A collector takes
a content away inside the transaction that deletes its claim, and only where the claim is old and
no model needs the content. So an uploader either finds the content there and keeps it, or finds
that it has to upload it (again). All times are those of the database's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy import Connection

    from mlmagic.entities import ContentFile

_MANY = 500


def claim(connection: Connection, files: Iterable[ContentFile]) -> None:
    """Say that contents are about to be used."""
    from mlmagic.registry.tables import claims

    now = _now(connection)
    # Always in one order: two that claim the same contents never wait for one another.
    sizes = sorted({file.sha256: file.size for file in files}.items())
    rows = [{"digest": digest, "size": size, "claimed_at": now} for digest, size in sizes]
    row = insert_for(connection)(claims)
    if rows:
        connection.execute(
            row.on_conflict_do_update(index_elements=["digest"], set_={"claimed_at": now}), rows
        )


def renew(connection: Connection, files: Iterable[ContentFile]) -> list[str]:
    """Claim contents again, inside the transaction that makes a model of them.

    Returns:
        The digests whose claim is gone: they were collected meanwhile.
    """
    from sqlalchemy import select, update

    from mlmagic.registry.tables import claims

    now = _now(connection)
    digests = sorted({file.sha256 for file in files})
    lost: list[str] = []
    for start in range(0, len(digests), _MANY):
        some = digests[start : start + _MANY]
        mine = claims.c.digest.in_(some)
        # The locks are taken in the order in which they are taken to claim.
        locked = select(claims.c.digest).where(mine).order_by(claims.c.digest).with_for_update()
        kept = set(connection.execute(locked).scalars())
        connection.execute(update(claims).where(mine).values(claimed_at=now))
        lost += [digest for digest in some if digest not in kept]
    return lost


def used(connection: Connection) -> set[str]:
    """Return the digests that any version needs."""
    from sqlalchemy import select

    from mlmagic.registry.tables import model_contents

    return set(connection.execute(select(model_contents.c.digest).distinct()).scalars())


def unclaimed(
    connection: Connection, digests: Collection[str], *, grace_seconds: float
) -> list[str]:
    """Say which of the stored digests nobody needs, and nobody claimed within the grace time.

    One that has no claim at all gets one now: it is young until the grace time has passed.
    """
    from sqlalchemy import select

    from mlmagic.registry.tables import claims

    needed = used(connection)
    claimed = connection.execute(select(claims.c.digest, claims.c.claimed_at))
    known = {row.digest: row.claimed_at for row in claimed}
    now = _now(connection)
    new = sorted(set(digests) - needed - set(known))
    rows = [{"digest": digest, "size": 0, "claimed_at": now} for digest in new]
    if rows:
        connection.execute(insert_for(connection)(claims).on_conflict_do_nothing(), rows)
    return sorted(
        digest for digest in set(digests) - needed if known.get(digest, now) <= now - grace_seconds
    )


def collect(
    connection: Connection, digest: str, remove: Callable[[], None], *, grace_seconds: float
) -> bool:
    """Take one content away, if it is still unclaimed and unused, in this transaction."""
    from sqlalchemy import delete, select

    from mlmagic.registry.tables import claims, model_contents

    needed = select(model_contents.c.digest).where(model_contents.c.digest == digest).exists()
    old = claims.c.claimed_at <= _now(connection) - grace_seconds
    gone = delete(claims).where(claims.c.digest == digest, old, ~needed)
    if connection.execute(gone).rowcount == 0:
        return False
    remove()
    return True


def insert_for(connection: Connection) -> Any:
    """Return the ``insert`` of the dialect, which knows ``ON CONFLICT``."""
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert


def _now(connection: Connection) -> float:
    """Seconds by the database's clock: the clocks of those who use it may differ."""
    from sqlalchemy import text

    postgresql = connection.dialect.name == "postgresql"
    words = (
        "extract(epoch FROM clock_timestamp())"
        if postgresql
        else "(julianday('now') - 2440587.5) * 86400.0"
    )
    return float(connection.execute(text(f"SELECT {words}")).scalar_one())
