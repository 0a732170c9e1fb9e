"""Requests that nobody thought of, to azmlinfsrv and to ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scoring.differential.cases import Case
from tests.scoring.differential.differences import Exchange, unexplained
from tests.scoring.differential.servers import Ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scoring.differential.servers import Pair

# The first one installs azmlinfsrv, where nothing has before: minutes on a busy machine.
pytestmark = pytest.mark.timeout(900)
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_KNOWN = st.fixed_dictionaries(
    {"count": _VALUES, "ratio": _VALUES, "names": _VALUES}, optional={"when": _VALUES}
)
_OBJECTS = (_VALUES | _KNOWN).map(lambda value: json.dumps(value).encode())
_BODIES = st.binary(max_size=64) | _TEXT.map(str.encode) | _OBJECTS
_TYPES = st.sampled_from(["application/json", "application/json;charset=utf-8", "text/plain", "x"])
_QUERIES = st.lists(st.tuples(_TEXT, _TEXT | _OBJECTS.map(bytes.decode)), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
)
_IDS = st.text(st.sampled_from("abc-_.09"), min_size=1, max_size=110)
_HEADERS = st.dictionaries(
    st.sampled_from(["x-request-id", "x-ms-request-id", "x-ms-client-request-id", "TraceId"]),
    _IDS,
    max_size=3,
)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    method = draw(st.sampled_from(["POST", "POST", "POST", "GET", "OPTIONS", "PUT", "HEAD"]))
    query = draw(_QUERIES)
    headers = [("Content-Type", draw(_TYPES)), *draw(_HEADERS).items()]
    body = draw(_BODIES) if method in ("POST", "PUT") else None
    return Ask(body, method, f"/score?{query}" if query else "/score", tuple(headers))


@pytest.mark.parametrize("script", ["echo", "schema_standard", "raw_http"])
@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ask=asks())
def test_generated_requests(script: str, ask: Ask, pairs: Callable[[Case], Pair]) -> None:
    both = pairs(Case(script, ()))
    exchange = Exchange(script, ask, both.theirs.ask(ask), both.ours.ask(ask))
    assert not unexplained(exchange), f"{ask}\n{exchange.theirs}\n{exchange.ours}"
