"""Secrets of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic.scoring import read_secret

if TYPE_CHECKING:
    from pathlib import Path


def test_value_without_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("value\n")
    monkeypatch.setenv("MLMAGIC_SECRETS_DIR", str(tmp_path))
    assert read_secret("token") == "value"
    (tmp_path / "token").write_text("changed")
    assert read_secret("token") == "changed"


@pytest.mark.parametrize("name", ["other", "../outside", ""])
def test_unknown_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "token").write_text("value")
    (tmp_path / "outside").write_text("not a secret")
    monkeypatch.setenv("MLMAGIC_SECRETS_DIR", str(secrets))
    with pytest.raises(LookupError, match=r"it has: 'token'"):
        read_secret(name)


def test_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLMAGIC_SECRETS_DIR", raising=False)
    with pytest.raises(LookupError, match="none"):
        read_secret("token")
