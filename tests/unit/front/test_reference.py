"""The pages that are generated are up to date."""

from pathlib import Path

import pytest

from mlmagic.cli.reference import BEGIN, END, pages, readme_table, reference, with_table
from mlmagic.options import VERBS
from mlmagic.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", pages(ROOT), ids=lambda path: path.name)
def test_the_page_equals_the_tables(path):
    wanted = pages(ROOT)[path]
    assert path.read_text(encoding="utf-8") == wanted, "run: python -m mlmagic.cli.reference"


def test_everything_is_told():
    text = reference()
    for verb in VERBS:
        assert verb.help in text
        assert all(f"`{flag}`" in text for option in verb.options for flag in option.flags)
    assert all(f"`{setting.variable}`" in text for setting in Settings.table().values())


def test_the_table_goes_between_the_markers():
    made = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert made == f"before\n{BEGIN}\n{readme_table()}\n{END}\nafter\n"
    with pytest.raises(ValueError, match="has no"):
        with_table("nothing")
