"""Numbers read straight into arrays are those that NumPy makes of lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmagic.scoring.numeric import read_numbers
from tests.scoring.conftest import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scoring.conftest import RunningServer

pytestmark = needs("simdjson")
NUMBERS = st.integers(-(2**64), 2**65) | st.integers(-9, 9) | st.floats(allow_nan=False)
ROWS = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1)
)
RAGGED = st.recursive(NUMBERS | st.none() | st.booleans() | st.text(), st.lists)


def _same(value: object, dtype: str | None) -> None:
    found = read_numbers(json.dumps({"data": value}).encode(), "data", dtype)
    if found is None:
        return
    with np.errstate(over="ignore"):
        expected = np.asarray(value, dtype=dtype)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)
    assert found.flags.writeable


@given(ROWS | st.lists(NUMBERS) | RAGGED, st.sampled_from([None, "float64", "float32"]))
def test_what_is_read_is_what_numpy_makes(value: object, dtype: str | None) -> None:
    _same(value, dtype)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [([1, 2], "int64"), ([1, 2.5], "float64"), ([[1.5] * 4] * 3, "float64"), ([-0.0], "float64")],
)
def test_numbers_are_read(value: list[object], dtype: str) -> None:
    found = read_numbers(json.dumps({"data": value}).encode(), "data", None)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize(
    "text",
    [
        '{"data": [[1, 2, 3, 4], [1, 2, 3]]}',  # rows of two lengths
        '{"data": [[1, 2, 3, 4], [1, 2, 3, [4]]]}',  # would be flattened
        '{"data": [[1, 2, 3, 4], 5]}',
        '{"data": [1, null]}',
        '{"data": [1, "2"]}',
        '{"data": []}',
        '{"data": {"a": 1}}',
        '{"data": [1], "data": [2]}',
        '{"other": [1]}',
        "[1]",
        "not json",
        '{"data": [NaN]}',
    ],
)
def test_the_other_way_decides(text: str) -> None:
    assert read_numbers(text.encode(), "data", None) is None


def test_many_sizes_on_one_thread() -> None:
    for count in (10, 500_000, 3, 2_000_000, 7):
        body = json.dumps({"data": [1.5] * count}).encode()
        assert read_numbers(body, "data", None).sum() == 1.5 * count


def test_a_service_reads_them(serve_source: Callable[..., RunningServer]) -> None:
    server = serve_source(
        """
        import sys
        import numpy as np
        def init(): pass
        def run(data: np.ndarray):
            return ["simdjson" in sys.modules, str(data.dtype), list(data.shape), float(data.sum())]
        """
    ).ready()
    body = json.dumps({"data": [[0.5] * 64] * 1000})
    answer = server.ask(body=body, Content_Type="application/json")
    assert answer.json == [True, "float64", [1000, 64], 32000.0]
    refused = server.ask(body=body, Content_Type="text/plain")
    assert refused.status == 415
    ragged = json.dumps({"data": [[0.5] * 64] * 1000 + [[1]]})
    assert server.ask(body=ragged, Content_Type="application/json").status == 400
