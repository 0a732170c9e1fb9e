"""The fast decoder reads what the standard library reads."""

from __future__ import annotations

import json
import math
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


def test_fast_json(
    serve: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = tmp_path_factory.mktemp("fast") / "score.py"
    code = "from json import loads\n\n\ndef init():\n    pass\n\n\ndef run(data):\n"
    script.write_text(code + "    return [loads.__module__, sum(loads(data))]\n")
    body = json.dumps([0.1] * 2000)
    server = serve(str(script), "--fast-json").ready()
    answer = server.ask(body=body).json
    assert answer[0] == "mlmagic.scoring.decoding"
    assert math.isclose(answer[1], 200)
