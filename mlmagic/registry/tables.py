"""The catalogue's tables; ``migrations/`` brings a database to this shape."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    cast,
    false,
)

# The newest migration. Kept here so that opening a current database needs no alembic; a test
# compares it with the scripts.
HEAD = "0004"

metadata = MetaData()

# The last version given out under a name: versions of deleted models are not given again.
# Its row is the lock of whoever registers under that name.
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
    # The whole record (entities.Model) as JSON: read by later versions field by field. The other
    # columns and tables repeat what queries look for.
    Column("record", JSON, nullable=False),
    Column("framework", String(32), nullable=False, server_default="custom"),
    Column("run_id", String(255), index=True),
    Column("archived", Boolean, nullable=False, server_default=false()),
    Column("words", Text, nullable=False, server_default=""),
    UniqueConstraint("name", "version"),
    # Lists are made from the index alone; records are read of the page that is shown.
    Index("ix_models_listing", "archived", "name", "version"),
    Index("ix_models_created_at", "created_at", "name", "version", "archived"),
    Index("ix_models_framework", "framework", "name", "version", "archived"),
)

# The record as it is written: it is decoded into a model without a dictionary in between.
record_text = cast(models.c.record, Text).label("record")

# Tags, properties, data sets and the parent, one row each; of long values the beginning (see
# ``rows.label_value``). What lists are ordered by is repeated: a page is read from the index, in
# order, and not past its end.
labels = Table(
    "labels",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("label", String(255), primary_key=True),
    Column("value", String(255), nullable=False),
    Column("name", String(255), nullable=False, server_default=""),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("archived", Boolean, nullable=False, server_default=false()),
    Index("ix_labels_listing", "kind", "label", "value", "name", "version", "archived", "model_id"),
)

# What runs measured, where it is a finite number.
metrics = Table(
    "metrics",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("metric", String(255), primary_key=True),
    Column("value", Float, nullable=False),
    Column("name", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("archived", Boolean, nullable=False),
    Index("ix_metrics_listing", "metric", "value", "name", "version", "archived", "model_id"),
)

# Which contents of the store a version needs.
model_contents = Table(
    "model_contents",
    metadata,
    Column("model_id", ForeignKey("models.id"), primary_key=True),
    Column("digest", String(64), primary_key=True, index=True),
)

# Contents of a shared store, and when somebody last meant to use them (seconds of the database's
# clock). Its row is the lock between who uploads a content and who collects it.
claims = Table(
    "claims",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("claimed_at", Float, nullable=False),
)

aliases = Table(
    "aliases",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("alias", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
)

alias_moves = Table(
    "alias_moves",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("alias", String(64), nullable=False),
    Column("version", Integer),
    Column("moved_at", String(32), nullable=False),
    Column("moved_by", String(255), nullable=False),
    Index("ix_alias_moves_name", "name", "alias"),
)
