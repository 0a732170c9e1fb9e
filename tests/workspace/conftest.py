"""A workspace of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.chdir(tmp_path)
    made = Workspace(tmp_path)
    yield made
    for service in made.list_services():
        service.delete()
