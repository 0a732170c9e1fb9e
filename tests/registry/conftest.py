"""Registries of one user and of a team: SQLite and a folder, PostgreSQL and S3."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace
from mlmagic.registry import ContentStore, Registry, RemoteStore
from tests.registry.servers import run_postgresql, run_s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.registry.servers import S3, PostgreSQL


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Iterator[Workspace]:
    """A workspace in the folder where the test runs."""
    monkeypatch.chdir(tmp_path)
    made = Workspace.create(tmp_path)
    yield made
    made.registry.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with run_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    with run_s3() as server:
        yield server


@pytest.fixture
def s3(s3_server, monkeypatch) -> Iterator[S3]:
    """The S3 server, with credentials where its library looks for them."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    yield s3_server
    if s3_server.process is None:
        s3_server.start()


@dataclass
class Place:
    """Where a registry lies: members of a team share all but their folder."""

    folder: Path
    database_url: str | None = None
    store_url: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    opened: list[Registry] = field(default_factory=list)

    def member(self, name: str = "one", **options) -> Registry:
        """Open the registry as one member of the team."""
        directory = self.folder / (name if self.store_url else "one")
        remote = RemoteStore(self.store_url) if self.store_url else None
        content = ContentStore(directory / "content", remote=remote, **options)
        registry = Registry(directory, content, database_url=self.database_url)
        self.opened.append(registry)
        return registry

    def arguments(self, name: str = "one") -> list[str]:
        """What a process needs to open the registry as a member: see ``OPEN``."""
        directory = self.folder / (name if self.store_url else "one")
        return [str(directory), self.database_url or "", self.store_url or ""]


# How a process opens a registry; its arguments come first.
OPEN = """
import os, signal, sys
from pathlib import Path
from mlmagic.registry import ContentStore, Registry, RemoteStore
directory, database, store = sys.argv[1:4]
content = ContentStore(
    Path(directory) / "content", remote=RemoteStore(store) if store else None
)
registry = Registry(Path(directory), content, database_url=database or None)
"""


@pytest.fixture(params=["alone", "team"])
def place(request, tmp_path) -> Iterator[Place]:
    """A registry of one user on this disk, and one of a team in PostgreSQL and S3."""
    made = Place(tmp_path)
    if request.param == "team":
        made = team_place(request, tmp_path)
    with ExitStack() as stack:
        stack.callback(lambda: [registry.close() for registry in made.opened])
        yield made


@pytest.fixture
def team(request, tmp_path) -> Iterator[Place]:
    """A registry of a team in PostgreSQL and S3."""
    made = team_place(request, tmp_path)
    yield made
    for registry in made.opened:
        registry.close()


def team_place(request: pytest.FixtureRequest, folder: Path) -> Place:
    s3 = request.getfixturevalue("s3")
    return Place(
        folder,
        database_url=request.getfixturevalue("postgresql").database(),
        store_url=s3.bucket(),
        environment={**os.environ, **s3.environment},
    )
