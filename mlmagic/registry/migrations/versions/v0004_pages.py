"""Pages are read in order from indexes: labels repeat name and number, metrics get a table."""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from alembic import op

from mlmagic.registry.rows import label_value

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MANY = 1000
_REPEATED = ("name", "version", "archived")
_ORDERED = ("created_at", "framework")


def upgrade() -> None:
    """Add the columns, the table and the indexes, and fill them from the models."""
    for column in (
        sa.Column("name", sa.String(255), nullable=False, server_default=""),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("labels", column)
    for name in _REPEATED:
        op.execute(
            f"UPDATE labels SET {name} = (SELECT models.{name} FROM models"  # noqa: S608
            " WHERE models.id = labels.model_id)"
        )
    op.drop_index("ix_labels_lookup", "labels")
    listing = ["kind", "label", "value", "name", "version", "archived", "model_id"]
    op.create_index("ix_labels_listing", "labels", listing)
    for name in _ORDERED:
        op.drop_index(f"ix_models_{name}", "models")
        op.create_index(f"ix_models_{name}", "models", [name, *_REPEATED])
    metrics = op.create_table(
        "metrics",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id"), primary_key=True),
        sa.Column("metric", sa.String(255), primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
    )
    listing = ["metric", "value", "name", "version", "archived", "model_id"]
    op.create_index("ix_metrics_listing", "metrics", listing)
    _fill(op.get_bind(), metrics)


def downgrade() -> None:
    """Drop what was added."""
    op.drop_table("metrics")
    for name in _ORDERED:
        op.drop_index(f"ix_models_{name}", "models")
        op.create_index(f"ix_models_{name}", "models", [name])
    op.drop_index("ix_labels_listing", "labels")
    op.create_index("ix_labels_lookup", "labels", ["kind", "label", "value", "model_id"])
    for name in _REPEATED:
        op.drop_column("labels", name)


def _fill(connection: sa.Connection, metrics: sa.Table) -> None:
    """Read the metrics from the records, some at a time."""
    models = sa.table(
        "models",
        sa.column("id", sa.Integer),
        sa.column("name", sa.String),
        sa.column("version", sa.Integer),
        sa.column("archived", sa.Boolean),
        sa.column("record", sa.JSON),
    )
    last = 0
    while True:
        query = sa.select(models).where(models.c.id > last).order_by(models.c.id).limit(_MANY)
        rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].id
        if found := [measured for row in rows for measured in _measured(row)]:
            connection.execute(sa.insert(metrics), found)


def _measured(row: Any) -> list[dict[str, Any]]:
    repeated = {column: getattr(row, column) for column in _REPEATED}
    measured = ((row.record.get("lineage") or {}).get("metrics") or {}).items()
    return [
        {"model_id": row.id, "metric": label_value(metric), "value": value, **repeated}
        for metric, value in measured
        if math.isfinite(value)
    ]
