"""Requests that schemathesis makes of our own documents: what they promise is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scoring.conftest import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemathesis import Case

    from tests.scoring.conftest import RunningServer

ANNOTATED = """
import datetime as dt
import enum
import typing
from dataclasses import dataclass, field


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Row:
    name: str
    size: float
    colour: Colour = Colour.RED
    tags: list[str] = field(default_factory=list)


def init():
    pass


def run(
    rows: list[Row], day: dt.date, limit: int = 3, by: typing.Literal["a", "b"] = "a"
) -> dict[str, float]:
    return {row.name: row.size for row in rows[: max(limit, 0)]}
"""
DECORATED = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("name", StandardPythonParameterType("x"))
@input_schema("values", StandardPythonParameterType([1.5]))
@output_schema(StandardPythonParameterType({"count": 1}))
def run(name, values):
    return {"count": len(values)}
"""
PLAIN = """
def init():
    pass


def run(raw_data):
    return {"length": len(raw_data)}
"""


@pytest.mark.parametrize("version", ["2", "3", "3.1"])
@pytest.mark.parametrize(
    "source",
    [
        pytest.param(ANNOTATED, id="annotated"),
        pytest.param(DECORATED, id="decorated", marks=needs("inference_schema")),
        pytest.param(PLAIN, id="plain"),
    ],
)
def test_what_the_documents_promise(
    serve_source: Callable[..., RunningServer], source: str, version: str
) -> None:
    import schemathesis
    from schemathesis import checks

    server = serve_source(source).ready()
    document = server.ask("GET", f"/swagger.json?version={version}").json
    promises = [
        checks.not_a_server_error,
        checks.status_code_conformance,
    ]
    if source is not DECORATED:  # inference-schema does not tell which arguments are required
        promises.append(checks.positive_data_acceptance)
    bodies = [checks.content_type_conformance, checks.response_schema_conformance]
    post = document["paths"]["/score"]["post"]
    # v1's documents, and so ours, do not say that the body has to be there.
    (post["parameters"][0] if version == "2" else post["requestBody"])["required"] = True
    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.path for operation in operations} >= {"/", "/score"}

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of([operation.as_strategy() for operation in operations]))
    def keeps(case: Case) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{server.port}")
        # Of "/" and "/swagger.json" v1's documents, and so ours, tell another type than is sent.
        case.validate_response(answer, checks=promises + (bodies if case.path == "/score" else []))

    keeps()
    assert server.process.poll() is None
