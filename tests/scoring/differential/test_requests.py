"""The same requests to azmlinfsrv and to ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scoring.differential.cases import CASES, FAILING, Case
from tests.scoring.differential.conftest import deployed
from tests.scoring.differential.differences import (
    DIFFERENCES,
    DOCUMENT,
    OWN_MODULES,
    Exchange,
    document,
    unexplained,
)
from tests.scoring.differential.servers import Ask, Pair, pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The first one installs azmlinfsrv, where nothing has before: minutes on a busy machine.
pytestmark = pytest.mark.timeout(900)
_seen: set[str] = set()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_are_equal(case: Case, pairs: Callable[[Case], Pair]) -> None:
    both = pairs(case)
    wrong = []
    for ask in case.asks:
        exchange = Exchange(case.script, ask, both.theirs.ask(ask), both.ours.ask(ask))
        _seen.update(
            each.what
            for each in DIFFERENCES
            if each.covers(exchange) and each.fields & exchange.differing()
        )
        if fields := unexplained(exchange):
            wrong.append(
                f"{ask}: {sorted(fields)}\n  theirs {exchange.theirs}\n  ours   {exchange.ours}"
            )
    assert not wrong, "\n".join(wrong)


def test_modules_of_the_script_come_first(tmp_path: Path) -> None:
    place = deployed("package_utils", tmp_path)
    options = ["--entry_script", "source/score.py"]
    both = pair(place, tmp_path, options, {"AZUREML_SOURCE_DIRECTORY": "source"})
    try:
        assert both.theirs.launch().exit_code() == 3
        assert both.ours.start().ask(Ask(b"1234")).body["scaled"] == 12
    finally:
        both.stop()
    _seen.add(OWN_MODULES.what)


def test_every_listed_difference_is_one() -> None:
    assert {each.what for each in DIFFERENCES} == _seen


@pytest.mark.parametrize("script", FAILING)
def test_both_refuse_to_start(script: str, tmp_path: Path) -> None:
    place = deployed(f"failing/{script}", tmp_path)
    both = pair(place, tmp_path, ["--entry_script", "score.py"], {})
    codes = both.theirs.launch(), both.ours.launch()
    assert [each.exit_code() for each in codes] == [3, 3], both.ours.log.read_text()


def test_document_tells_the_list() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()
