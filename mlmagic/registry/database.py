"""The catalogue's database: opening it, its journal, its migrations."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError, MissingDependencyError, RegistryError
from mlmagic.registry.faults import database_faults, storage_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

_BUSY_MILLISECONDS = 30_000

# File systems on which SQLite's shared memory for WAL does not work between machines.
_NETWORK = re.compile(
    r"9p|afs|beegfs|ceph|cifs|glusterfs|gpfs|lustre|ncpfs|nfs\d?|pvfs2|smb(fs|\d)?|webdav"
    r"|fuse\.(ceph|glusterfs|s3fs|sshfs|gcsfuse|rclone|goofys|blobfuse2?)"
)


# A number of ours among the advisory locks of a PostgreSQL server.
_MIGRATION_LOCK = 0x6D6C6D6167


class Database:
    """The database of a workspace, brought to the present schema when first used.

    Args:
        directory: The workspace's ``.mlmagic``; holds ``registry.db``.
        url: SQLAlchemy URL of another database.
    """

    def __init__(self, directory: Path, url: str | None = None) -> None:
        self.path = directory / "registry.db"
        self._url = url
        self._ready = False

    @property
    def place(self) -> str:
        """Where the catalogue is, for messages (never with a password)."""
        if self._url is None:
            return str(self.path)
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        with suppress(ArgumentError):
            return make_url(self._url).render_as_string(hide_password=True)
        return "with an address that cannot be read"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads."""
        with database_faults(self.place):
            self._prepare()
            with self._engine.begin() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; on SQLite one at a time, the others wait."""
        with database_faults(self.place):
            self._prepare()
            with self._writer() as connection:
                yield connection

    def close(self) -> None:
        """Close the connections."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    @contextmanager
    def _writer(self) -> Iterator[Connection]:
        with (
            self._engine.connect().execution_options(mlmagic_writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import create_engine, event

        if self._url is not None and not self._url.startswith("sqlite"):
            return _server_engine(self._url)
        engine = create_engine(self._url or self._sqlite_url())
        journal = "DELETE" if self._file and on_network(self._file) else "WAL"
        writable = self._is_writable()

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            # Transactions are begun below; the driver's own would start too late.
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
            if writable:
                connection.execute(f"PRAGMA journal_mode = {journal}")
                connection.execute("PRAGMA synchronous = FULL")

        @event.listens_for(engine, "close")
        def _closing(connection: Any, _record: Any) -> None:
            # Statistics of tables that grew: the planner chooses indexes by them. They can wait
            # for another time, where somebody writes.
            if writable:
                with suppress(sqlite3.Error):
                    connection.execute("PRAGMA busy_timeout = 0")
                    connection.execute("PRAGMA optimize")

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            # A writer takes its lock at once: it cannot be overtaken between reading and writing.
            writes = connection.get_execution_options().get("mlmagic_writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    @cached_property
    def _file(self) -> Path | None:
        """SQLite's file, which may lie elsewhere; None where it is in memory."""
        if self._url is None:
            return self.path
        from sqlalchemy import make_url

        name = (make_url(self._url).database or "").removeprefix("file:")
        return None if name in ("", ":memory:") else Path(name)

    def _sqlite_url(self) -> str:
        if self._is_writable():
            return f"sqlite:///{self.path}"
        # A write-ahead log cannot be opened without write access, but for what nobody changes.
        return f"sqlite:///file:{self.path}?mode=ro&immutable=1&uri=true"

    def _is_writable(self) -> bool:
        file = self._file
        if file is None:
            return True
        if file.exists():
            return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
        if self._url is None:
            with storage_faults(file.parent):
                file.parent.mkdir(parents=True, exist_ok=True)
        return os.access(file.parent, os.W_OK)

    def _prepare(self) -> None:
        if self._ready:
            return
        from mlmagic.registry.tables import HEAD

        with self._engine.begin() as connection:
            current = _revision(connection)
        if current != HEAD:
            self._migrate()
        self._ready = True

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        # The lock of the write transaction keeps two processes from migrating at once; the
        # second finds the work done.
        with self._writer() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            current = _revision(connection)
            try:
                ScriptDirectory.from_config(config).get_revision(current or "base")
            except CommandError as error:
                raise RegistryError(
                    f"The registry '{self.place}' was written by a later version of mlmagic"
                    f" (schema '{current}').",
                    hint="Upgrade mlmagic: pip install --upgrade jupyter-mlmagic.",
                ) from error
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if current is not None and connection.dialect.name == "sqlite":
                connection.exec_driver_sql("ANALYZE")  # PostgreSQL does by itself


def _server_engine(url: str) -> Engine:
    """Open PostgreSQL; ``postgresql://`` alone means the driver that we know."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() != "postgresql":
            raise ConfigurationError(
                f"The registry's database cannot be of the kind '{parsed.get_backend_name()}'.",
                hint="Write 'sqlite:///FILE' or 'postgresql://USER@HOST/DATABASE'.",
            )
        return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"The registry's database has an address that cannot be read: {type(error).__name__}.",
            hint="Write 'postgresql://USER:PASSWORD@HOST/DATABASE'.",
        ) from error
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"A registry in PostgreSQL needs '{error.name}'.",
            hint="Install it: pip install 'jupyter-mlmagic[postgresql]'.",
        ) from error


def _revision(connection: Connection) -> str | None:
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def on_network(path: Path) -> bool:
    """Say whether a path lies on a network file system."""
    import psutil

    place = path.absolute().resolve()
    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    for folder in (place, *place.parents):
        if str(folder) in mounts:
            return bool(_NETWORK.fullmatch(mounts[str(folder)].lower()))
    return False
