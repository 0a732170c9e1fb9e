"""Pages are read in order from indexes: labels repeat name and number, metrics get a table.

What addresses in records held to let somebody in is left out, as in new records.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from mlmagic.addresses import public
from mlmagic.registry.rows import label_value

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    _go_through(op.get_bind(), metrics)


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


def _go_through(connection: sa.Connection, metrics: sa.Table) -> None:
    """Read the records, some at a time: for their metrics, and to clean their addresses."""
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
        cleaned = [(row, _cleaned(row.record)) for row in rows]
        if changed := [(row, record) for row, record in cleaned if record != row.record]:
            new = sa.bindparam("new", type_=sa.JSON)
            connection.execute(
                sa.update(models).where(models.c.id == sa.bindparam("model")).values(record=new),
                [{"model": row.id, "new": record} for row, record in changed],
            )
            _name_data_sets(connection, changed)


def _cleaned(record: dict[str, Any]) -> dict[str, Any]:
    lineage = dict(record.get("lineage") or {})
    if "params" in lineage:
        lineage["params"] = {key: public(value) for key, value in lineage["params"].items()}
    if "datasets" in lineage:
        lineage["datasets"] = {
            scenario: [public(reference) for reference in references]
            for scenario, references in lineage["datasets"].items()
        }
    cleaned = {**record, "lineage": lineage} if lineage else dict(record)
    if "requirements" in record:
        cleaned["requirements"] = [public(line) for line in record["requirements"]]
    return cleaned


def _name_data_sets(
    connection: sa.Connection, changed: Sequence[tuple[Any, dict[str, Any]]]
) -> None:
    """Write the labels of models' data sets anew."""
    names = ("model_id", "kind", "label", "value", *_REPEATED)
    labels = sa.table("labels", *map(sa.column, names))
    ours = (labels.c.model_id == sa.bindparam("model")) & (labels.c.kind == "dataset")
    connection.execute(sa.delete(labels).where(ours), [{"model": row.id} for row, _ in changed])
    if rows := [label for row, record in changed for label in _data_sets(row, record)]:
        connection.execute(sa.insert(labels), rows)


def _data_sets(row: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
    repeated = {column: getattr(row, column) for column in _REPEATED}
    found = {
        label_value(reference): label_value(scenario)
        for scenario, references in (record.get("lineage") or {}).get("datasets", {}).items()
        for reference in references
    }
    same = {"model_id": row.id, "kind": "dataset", **repeated}
    return [{**same, "label": label, "value": value} for label, value in found.items()]


def _measured(row: Any) -> list[dict[str, Any]]:
    repeated = {column: getattr(row, column) for column in _REPEATED}
    measured = ((row.record.get("lineage") or {}).get("metrics") or {}).items()
    return [
        {"model_id": row.id, "metric": label_value(metric), "value": value, **repeated}
        for metric, value in measured
        if math.isfinite(value)
    ]
