"""Both servers of each script, started once."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.scoring.differential.environments import ROOT
from tests.scoring.differential.servers import Pair, home, pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.scoring.differential.cases import Case

SCRIPTS = ROOT / "tests" / "data" / "scripts" / "differential"


def deployed(script: str, folder: Path) -> Path:
    """Copy a script to a folder of its own, and make its models."""
    place = folder / "app"
    shutil.copytree(SCRIPTS / script, place)
    if (place / "make.py").exists():
        subprocess.run([str(home() / "bin" / "python"), "make.py"], cwd=place, check=True)
    return place


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Case], Pair]]:
    """Start both servers of a case, or return those that run."""
    running: dict[Case, Pair] = {}

    def start(case: Case) -> Pair:
        if case not in running:
            stop()
            folder = tmp_path_factory.mktemp(case.script)
            place = deployed(case.script, folder)
            both = pair(place, folder, list(case.options), dict(case.variables))
            running[case] = both
            both.start()
        return running[case]

    def stop() -> None:
        for both in running.values():
            both.stop()
        running.clear()

    yield start
    stop()
