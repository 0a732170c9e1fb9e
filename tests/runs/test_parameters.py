"""Words of the command line become values by papermill's rules."""

from __future__ import annotations

import pytest
from papermill.cli import _resolve_type

from mlmagic.runs import parse_value


@pytest.mark.parametrize(
    "text", ["True", "False", "None", "7", "-3", "0.5", "1e3", "nightly", "true", "", "1_000", "7 "]
)
def test_values_are_those_of_papermill(text):
    assert parse_value(text) == _resolve_type(text)
    assert type(parse_value(text)) is type(_resolve_type(text))
