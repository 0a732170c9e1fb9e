"""The fast decoder reads what the standard library reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmagic.scoring.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scoring.conftest import RunningServer

PADDING = " " * 1024
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_large_text(value: object) -> None:
    text = json.dumps(value) + PADDING
    assert repr(decode(text.encode())) == repr(json.loads(text))


PIECES = [*'[]{},:"0123456789-.e+', "\\", "\n", "\x00", "true", "null", "NaN", "1e400", "\ud800"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_is_judged_as_the_standard_library_does(text: str) -> None:
    assert _judged(decode, text + PADDING) == _judged(json.loads, text + PADDING)


def _judged(read: Callable[[str], object], text: str) -> str:
    try:
        return repr(read(text))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize(
    "text", ["NaN", "[1e400, -Infinity]", '"\\ud800"', "1" * 400, '{"a":1,"a":2}']
)
def test_what_only_the_standard_library_reads(text: str) -> None:
    assert repr(decode((text + PADDING).encode())) == repr(json.loads(text))


def test_other_encodings() -> None:
    assert decode('{"a": "é"}'.ljust(1100).encode("utf-16")) == {"a": "é"}


@pytest.mark.parametrize("text", [b"{", b"", b"\xff" * 2000, b"[1,]".ljust(2000)])
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(ValueError):
        decode(text)


LOADS = """
import sys
from json import loads


def init():
    pass


def run(data):
    texts = [data, data.encode(), bytearray(data.encode())]
    sums = [sum(loads(each)) for each in texts]
    text = loads("0.5" + " " * 2000, parse_float=str)
    return [loads.__module__, "msgspec" in sys.modules, sums, text]
"""


@pytest.mark.parametrize(("options", "is_fast"), [((), True), (("--no-fast-json",), False)])
def test_fast_json(
    serve_source: Callable[..., RunningServer], options: tuple[str, ...], is_fast: bool
) -> None:
    body = json.dumps([0.5] * 2000)
    answer = serve_source(LOADS, *options).ready().ask(body=body).json
    assert answer == ["json", is_fast, [1000.0] * 3, "0.5"]
