"""Whatever JSON comes, a kind gives a value or says what does not fit."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import json
import typing
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmagic.scoring.dialects import downgrade
from mlmagic.scoring.kinds import MismatchError, kind_of
from tests.scoring.conftest import needs

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=3), below),
    max_leaves=12,
)


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: "typing.Optional[Point]" = None  # noqa: UP037, UP045 - as users write it


class Pair(typing.NamedTuple):
    left: int
    right: str = ""


ANNOTATIONS: list[Any] = [
    int,
    float,
    bool,
    bytes,
    dt.date,
    dt.datetime,
    Colour,
    Point,
    Pair,
    list[Point],
    dict[str, list[int]],
    tuple[int, ...],
    set[int],
    int | str | None,
    set[typing.Any],
    typing.Literal[1, "a"],
    typing.Annotated[list[float], "words"],
]


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
@settings(deadline=None)
@given(value=ANYTHING)
def test_a_value_or_a_mismatch(annotation: Any, value: Any) -> None:
    with contextlib.suppress(MismatchError):
        kind_of(annotation).read(value)


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_schemas_are_json_in_each_dialect(annotation: Any) -> None:
    schema = kind_of(annotation).schema()
    for version in ("2", "3", "3.1"):
        assert json.dumps(downgrade(schema, version))
    assert "anyOf" not in downgrade(schema, "2")
    assert "prefixItems" not in downgrade(schema, "3")


@needs("numpy", "pandas")
@settings(deadline=None)
@given(value=ANYTHING)
def test_arrays_and_frames_too(value: Any) -> None:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    for annotation in (np.ndarray, NDArray[np.float64], NDArray[np.int32], pd.DataFrame):
        with contextlib.suppress(MismatchError):
            kind_of(annotation).read(value)
