from __future__ import annotations

import pytest

from mlmagic.registry import ContentStore, Registry


@pytest.fixture
def content(tmp_path):
    return ContentStore(tmp_path / ".mlmagic" / "content")


@pytest.fixture
def registry(tmp_path, content):
    registry = Registry(tmp_path / ".mlmagic", content)
    yield registry
    registry.close()


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"1 2 3")
    return path
