"""Samples as request bodies."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from mlmagic.errors import RegistryError
from mlmagic.registry import read_sample


def test_a_data_frame_travels_as_records():
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "x": [0.1, float("nan")],
            "s": ["a", None],
            "t": pd.to_datetime(["2026-01-02", None]),
            "i": pd.array([1, None], dtype="Int64"),
        }
    )
    sample = read_sample(frame)
    assert (sample.kind, sample.shape) == ("dataframe", (2, 5))
    assert json.loads(sample.body) == {
        "data": [
            {"n": 1, "x": 0.1, "s": "a", "t": "2026-01-02T00:00:00", "i": 1},
            {"n": 2, "x": None, "s": None, "t": None, "i": None},
        ]
    }


def test_arrays_travel_as_nested_lists():
    sample = read_sample(np.array([[1.5, np.inf], [np.nan, 2]]))
    assert (sample.kind, sample.shape) == ("array", (2, 2))
    assert json.loads(sample.body) == {"data": [[1.5, None], [None, 2.0]]}
    assert json.loads(read_sample(pd.Series([1, 2])).body) == {"data": [1, 2]}
    dates = np.array(["2026-01-02"], dtype="M8[D]")
    assert json.loads(read_sample(dates).body) == {"data": ["2026-01-02"]}


def test_json_values_and_bytes_stay():
    value = {"text": "ä", "n": np.int64(3), "when": date(2026, 1, 2), "d": timedelta(seconds=2)}
    sample = read_sample(value)
    assert (sample.kind, sample.shape) == ("json", ())
    assert json.loads(sample.body) == {"text": "ä", "n": 3, "when": "2026-01-02", "d": 2.0}
    assert read_sample(b"\xff").body == b"\xff"
    assert read_sample(b"\xff").kind == "bytes"


def test_what_has_no_json_form_is_refused():
    with pytest.raises(RegistryError, match="'object' has no JSON form"):
        read_sample({"a": object()})
    with pytest.raises(RegistryError, match="more than one column named 'a'"):
        read_sample(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    loop: list = []
    loop.append(loop)
    with pytest.raises(RegistryError, match="recursion"):
        read_sample(loop)
