"""Locking again through the part that is quick to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlmagic.entities import Lock
from mlmagic.environments import Relocking
from mlmagic.errors import EnvironmentSetupError

if TYPE_CHECKING:
    from pathlib import Path

LOCK = Lock(identity="0" * 64, python_version="3.11", platform="linux-x86_64", text="")


def test_it_says_what_the_environments_of_the_workspace_say(tmp_path: Path) -> None:
    relocking = Relocking(tmp_path / "environments", tmp_path / "cache", tmp_path)
    assert relocking.relock(LOCK, platform=LOCK.platform, on_event=print) is LOCK
    with pytest.raises(EnvironmentSetupError, match="'linux-aarch64'"):
        relocking.relock(LOCK, platform="linux-aarch64", on_event=print)
