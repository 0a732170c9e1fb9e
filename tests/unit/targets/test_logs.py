from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.targets.logs import tail

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tail_goes_back_into_older_files(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("5\n6\n")
    (tmp_path / "service.log.1").write_text("3\n4\n")
    (tmp_path / "service.log.2").write_text("1\n2\n")
    assert tail(log, 3) == ["4", "5", "6"]
    assert tail(log, 100) == ["1", "2", "3", "4", "5", "6"]
    assert tail(log, 0) == []


def test_long_lines_and_broken_text(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_bytes(b"x" * 200_000 + b"\n\xff tail\nlast")
    assert tail(log, 2) == ["� tail", "last"]
    assert len(tail(log, 3)[0]) == 200_000


def test_no_log_yet(tmp_path: Path) -> None:
    assert tail(tmp_path / "service.log", 10) == []
