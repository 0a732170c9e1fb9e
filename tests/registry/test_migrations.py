"""Registries of earlier versions are brought up, on both databases; those of later ones are not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy

from mlmagic.errors import RegistryError
from mlmagic.registry import ContentStore, Registry
from mlmagic.registry.database import Database

FIRST = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001');
CREATE TABLE names (name VARCHAR(255) PRIMARY KEY, last_version INTEGER NOT NULL);
INSERT INTO names VALUES ('net', 2000);
CREATE TABLE models (id {serial} PRIMARY KEY, name VARCHAR(255) NOT NULL,
  version INTEGER NOT NULL, digest VARCHAR(64) NOT NULL, created_at VARCHAR(32) NOT NULL,
  record JSON NOT NULL, UNIQUE (name, version));
CREATE INDEX ix_models_digest ON models (digest);
"""

RECORD = {
    "format": 1,
    "name": "net",
    "files": [{"path": "model.pkl", "sha256": "ab" * 32, "size": 4}],
    "digest": "cd" * 32,
    "framework": "scikit-learn",
    "tags": {"area": "health", "long": "x" * 300},
    "properties": {"p": "1"},
    "description": "The First",
    "lineage": {
        "parent": "base:1",
        "params": {"database": "postgresql://ann:s3cret@db/flowers"},
        "datasets": {"training": ["https://ann:s3cret@h.test/d.csv?part=2&sig=s3cret"]},
    },
    "requirements": ["own @ git+ssh://git@h.test/own.git", "pip @ https://ann:s3cret@h.test/p.whl"],
    "created_at": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'first.db'}"
    return request.getfixturevalue("postgresql").database()


def first_version(url, count):
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    serial = "SERIAL" if engine.dialect.name == "postgresql" else "INTEGER"
    insert = sqlalchemy.text(
        "INSERT INTO models (name, version, digest, created_at, record)"
        " VALUES ('net', :version, :digest, '2026-01-02T03:04:05+00:00', :record)"
    )
    with engine.begin() as connection:
        for statement in FIRST.format(serial=serial).split(";")[:-1]:
            connection.execute(sqlalchemy.text(statement))
        rows = []
        for version in range(1, count + 1):
            lineage = {**RECORD["lineage"], "metrics": {"f1": version % 7 + 0.5}}
            record = json.dumps({**RECORD, "version": version, "lineage": lineage})
            rows.append({"version": version, "digest": RECORD["digest"], "record": record})
        if rows:
            connection.execute(insert, rows)
    engine.dispose()


def test_a_registry_of_the_first_version_is_brought_up(url, tmp_path):
    first_version(url, 1203)  # more than one page
    registry = Registry(tmp_path, ContentStore(tmp_path / "content"), database_url=url)
    model = registry.get("net:1203")
    assert (model.framework, model.description) == ("scikit-learn", "The First")
    assert registry.count(tags=["area=health"], properties=["p=1"], search="first") == 1203
    assert registry.count(framework="scikit-learn", tags=[f"long={'x' * 300}"]) == 1203
    assert registry.count(parent="base:1") == 1203
    assert registry.list(tags=["area=health"], latest=True) == [model]
    assert "s3cret" not in repr(model)
    assert model.requirements[0] == "own @ git+ssh://git@h.test/own.git"
    assert registry.count(dataset="https://ann:s3cret@h.test/d.csv?part=2&sig=s3cret") == 1203
    assert registry.count(dataset="https://h.test/d.csv?part=2") == 1203
    best = registry.list(order_by="-metrics.f1", tags=["area=health"], top=2)
    assert [each.id for each in best] == ["net:6", "net:13"]
    # The number goes on from what was given out, not from what is there.
    registry.close()
    again = Registry(tmp_path, ContentStore(tmp_path / "content"), database_url=url)
    assert again.delete("net:1203") == model
    assert again.register({"a": 1}, name="net").model.version == 2001
    again.close()


def test_the_newest_schema_is_the_same_whichever_way_it_came(url, tmp_path):
    from mlmagic.registry.tables import metadata

    first_version(url, 0)
    database = Database(tmp_path, url)
    with database.reading() as connection:
        inspector = sqlalchemy.inspect(connection)
        for table in metadata.sorted_tables:
            columns = {column["name"] for column in inspector.get_columns(table.name)}
            assert columns == set(table.c.keys())
            indexes = {index["name"] for index in inspector.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= indexes
    database.close()


def statistics(path):
    """The tables that the planner has statistics of."""
    with closing(sqlite3.connect(path)) as connection:
        there = connection.execute("SELECT name FROM sqlite_schema WHERE name = 'sqlite_stat1'")
        if there.fetchone() is None:
            return set()
        return {row[0] for row in connection.execute("SELECT DISTINCT tbl FROM sqlite_stat1")}


def test_a_migration_leaves_statistics(tmp_path):
    url = f"sqlite:///{tmp_path / 'first.db'}"
    first_version(url, 20)
    assert statistics(tmp_path / "first.db") == set()
    database = Database(tmp_path, url)
    with database.reading():
        assert {"models", "labels", "metrics"} <= statistics(tmp_path / "first.db")
    database.close()


def test_closing_leaves_statistics_of_what_grew(tmp_path):
    registry = Registry(tmp_path, ContentStore(tmp_path / "content"))
    for number in range(20):
        registry.register({"number": number}, name="net", tags={"area": "health"})
    assert len(registry.list(tags=["area=health"], order_by="-created_at")) == 20
    assert statistics(registry.catalogue.database.path) == set()
    registry.close()
    assert {"models", "labels"} <= statistics(registry.catalogue.database.path)


def test_closing_while_somebody_writes_loses_nothing(tmp_path):
    registry = Registry(tmp_path, ContentStore(tmp_path / "content"))
    registry.register({"a": 1}, name="net")
    assert registry.list(name="net")
    with closing(sqlite3.connect(registry.catalogue.database.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        registry.close()
        assert other.in_transaction
        other.rollback()
    assert [model.id for model in registry.list()] == ["net:1"]
    registry.close()


def test_a_later_schema_is_refused(url, tmp_path):
    first_version(url, 0)
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    database = Database(tmp_path, url)
    with pytest.raises(RegistryError, match=r"later version of mlmagic \(schema '9999'\)"):
        database.reading().__enter__()
    database.close()
