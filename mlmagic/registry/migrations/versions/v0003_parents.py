"""The parent of a model becomes one of its labels, so that its children are found by it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from mlmagic.registry.rows import label_value

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MANY = 1000


def upgrade() -> None:
    """Read the parents from the records, some at a time."""
    connection = op.get_bind()
    models = sa.table("models", sa.column("id", sa.Integer), sa.column("record", sa.JSON))
    labels = sa.table(
        "labels",
        sa.column("model_id", sa.Integer),
        sa.column("kind", sa.String),
        sa.column("label", sa.String),
        sa.column("value", sa.String),
    )
    last = 0
    while True:
        query = sa.select(models.c.id, models.c.record).where(models.c.id > last)
        rows = connection.execute(query.order_by(models.c.id).limit(_MANY)).all()
        if not rows:
            return
        last = rows[-1].id
        parents = {row.id: _parent(row.record) for row in rows}
        found = [
            {"model_id": model, "kind": "parent", "label": label_value(parent), "value": ""}
            for model, parent in parents.items()
            if parent
        ]
        if found:
            connection.execute(sa.insert(labels), found)


def downgrade() -> None:
    """Take the labels away."""
    op.execute("DELETE FROM labels WHERE kind = 'parent'")


def _parent(record: dict[str, Any]) -> str | None:
    return (record.get("lineage") or {}).get("parent")
