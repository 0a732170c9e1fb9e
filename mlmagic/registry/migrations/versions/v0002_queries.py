"""What queries look for gets columns and tables of its own; aliases; claims on contents."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MANY = 1000
_LABEL_LENGTH = 255


def upgrade() -> None:
    """Add the columns and tables, and fill them from the records."""
    op.add_column(
        "models",
        sa.Column("framework", sa.String(32), nullable=False, server_default="custom"),
    )
    op.add_column("models", sa.Column("run_id", sa.String(255)))
    op.add_column(
        "models", sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("models", sa.Column("words", sa.Text, nullable=False, server_default=""))
    for column in ("created_at", "framework", "run_id"):
        op.create_index(f"ix_models_{column}", "models", [column])
    op.create_index("ix_models_listing", "models", ["archived", "name", "version"])
    labels = op.create_table(
        "labels",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id"), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("label", sa.String(255), primary_key=True),
        sa.Column("value", sa.String(255), nullable=False),
    )
    op.create_index("ix_labels_lookup", "labels", ["kind", "label", "value", "model_id"])
    contents = op.create_table(
        "model_contents",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id"), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
    )
    op.create_index("ix_model_contents_digest", "model_contents", ["digest"])
    op.create_table(
        "claims",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("claimed_at", sa.Float, nullable=False),
    )
    op.create_table(
        "aliases",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("alias", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "alias_moves",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("moved_at", sa.String(32), nullable=False),
        sa.Column("moved_by", sa.String(255), nullable=False),
    )
    op.create_index("ix_alias_moves_name", "alias_moves", ["name", "alias"])
    _fill(op.get_bind(), labels, contents)


def downgrade() -> None:
    """Drop what was added."""
    for table in ("alias_moves", "aliases", "claims", "model_contents", "labels"):
        op.drop_table(table)
    for index in ("created_at", "framework", "run_id", "listing"):
        op.drop_index(f"ix_models_{index}", "models")
    for column in ("framework", "run_id", "archived", "words"):
        op.drop_column("models", column)


def _fill(connection: sa.Connection, labels: sa.Table, contents: sa.Table) -> None:
    """Read the records of the first version, some at a time."""
    models = sa.table(
        "models",
        sa.column("id", sa.Integer),
        sa.column("record", sa.JSON),
        sa.column("framework", sa.String),
        sa.column("words", sa.Text),
    )
    last = 0
    while True:
        query = sa.select(models.c.id, models.c.record).where(models.c.id > last)
        rows = connection.execute(query.order_by(models.c.id).limit(_MANY)).all()
        if not rows:
            return
        last = rows[-1].id
        changed = [_columns(row.id, row.record) for row in rows]
        connection.execute(
            sa.update(models)
            .where(models.c.id == sa.bindparam("model"))
            .values(framework=sa.bindparam("found"), words=sa.bindparam("text")),
            changed,
        )
        pairs = [pair for row in rows for pair in _labels(row.id, row.record)]
        files = [file for row in rows for file in _contents(row.id, row.record)]
        for table, found in ((labels, pairs), (contents, files)):
            if found:
                connection.execute(sa.insert(table), found)


def _columns(model: int, record: dict[str, Any]) -> dict[str, Any]:
    pairs = {**record.get("tags", {}), **record.get("properties", {})}
    parts = (record.get("name", ""), record.get("description", ""), *pairs, *pairs.values())
    framework = record.get("framework", "custom")
    return {"model": model, "found": framework, "text": "\n".join(parts).lower()}


def _labels(model: int, record: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"model_id": model, "kind": kind, "label": _short(key), "value": _short(value)}
        for kind, field in (("tag", "tags"), ("property", "properties"))
        for key, value in record.get(field, {}).items()
    ]


def _short(text: str) -> str:
    """Shorten as ``rows.label_value`` did when this step was written."""
    if len(text) <= _LABEL_LENGTH:
        return text
    data = text.encode()
    digest = hashlib.sha256(len(data).to_bytes(8, "big") + data).hexdigest()
    return f"{text[: _LABEL_LENGTH - len(digest) - 1]}#{digest}"


def _contents(model: int, record: dict[str, Any]) -> list[dict[str, Any]]:
    sample = (record.get("sample") or {}).get("content")
    files = [*record.get("files", ()), *([sample] if sample else [])]
    return [
        {"model_id": model, "digest": digest}
        for digest in dict.fromkeys(file["sha256"] for file in files)
    ]
