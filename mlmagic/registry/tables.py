"""The catalogue's tables; ``migrations/`` brings a database to this shape."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, MetaData, String, Table, UniqueConstraint

# The newest migration. Kept here so that opening a current database needs no alembic; a test
# compares it with the scripts.
HEAD = "0001"

metadata = MetaData()

# The last version given out under a name: versions of deleted models are not given again.
names = Table(
    "names",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("last_version", Integer, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False, index=True),
    Column("created_at", String(32), nullable=False),
    # The whole record (entities.Model) as JSON: read by later versions field by field.
    Column("record", JSON, nullable=False),
    UniqueConstraint("name", "version"),
)
