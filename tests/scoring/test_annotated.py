"""run() with type annotations: validation, conversion, descriptions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scoring.conftest import RunningServer, needs

ServeSource = Callable[..., RunningServer]
SCRIPT = """
import datetime, enum
from dataclasses import dataclass, field
from typing import Literal, NotRequired, Optional, TypedDict

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

@dataclass
class Point:
    x: float
    y: float = 0.0
    below: "list[Point]" = field(default_factory=list)
    def __post_init__(self):
        if self.x > 1000:
            raise ValueError("x is too large")

class Row(TypedDict):
    name: str
    born: NotRequired[datetime.date]

def init(): pass

def run(
    points: list[Point],
    row: Row = {"name": "none"},
    colour: Colour = Colour.RED,
    mode: Literal["fast", 1] = "fast",
    limit: Optional[int] = None,
    pair: tuple[int, str] = (1, "a"),
    weights: dict[str, float] = {},
    raw: bytes = b"",
    either: int | str | list[int] = 0,
    anything=None,
) -> dict[str, float]:
    return {
        "points": points, "types": [type(p).__name__ for p in points], "row": str(row),
        "colour": colour.name, "mode": mode, "limit": limit, "pair": repr(pair),
        "weights": weights, "raw": len(raw), "either": either, "anything": anything,
    }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("annotated")
    (folder / "score.py").write_text(SCRIPT)
    (folder / "sample.json").write_text('{"points": [{"x": 7}]}')
    options = ("--sample", str(folder / "sample.json"))
    server = RunningServer(str(folder / "score.py"), folder, *options)
    yield server.ready()
    server.close()


def post(server: RunningServer, **values: Any) -> Any:
    return server.ask(body=json.dumps(values), Content_Type="application/json")


def test_values_are_converted(server: RunningServer) -> None:
    answer = post(
        server,
        points=[{"x": 1, "below": [{"x": 2.5}], "unknown": 1}],
        row={"name": "n", "born": "2020-02-03"},
        colour="blue",
        mode=1,
        limit=3,
        pair=[2, "b"],
        weights={"a": 1},
        raw="AAEC",
        either=[1],
        anything={"x": [None]},
        unknown="ignored",
    )
    below = [{"x": 2.5, "y": 0.0, "below": []}]
    assert answer.json == {
        "points": [{"x": 1.0, "y": 0.0, "below": below}],
        "types": ["Point"],
        "row": "{'name': 'n', 'born': datetime.date(2020, 2, 3)}",
        "colour": "BLUE",
        "mode": 1,
        "limit": 3,
        "pair": "(2, 'b')",
        "weights": {"a": 1.0},
        "raw": 3,
        "either": [1],
        "anything": {"x": [None]},
    }


def test_defaults_and_query(server: RunningServer) -> None:
    answer = server.ask("GET", "/score?points=%5B%7B%22x%22:1%7D%5D&limit=4&colour=red")
    assert (answer.json["limit"], answer.json["pair"]) == (4, "(1, 'a')")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"points": 1}, "points: expected an array, but got 1"),
        ({"points": [{"x": 1}, 2]}, "points[1]: expected an object (Point), but got 2"),
        ({"points": [{"x": "1"}]}, 'points[0].x: expected a number, but got "1"'),
        ({"points": [{"x": True}]}, "points[0].x: expected a number, but got true"),
        ({"points": [{}]}, "points[0]: expected a value for 'x' (Point), but got {}"),
        ({"points": [{"x": 2000}]}, "expected a Point (x is too large)"),
        (
            {"points": [{"x": 1, "below": [{"x": None}]}]},
            "points[0].below[0].x: expected a number, but got null",
        ),
        ({"points": [], "row": {"name": 1}}, "row.name: expected a text, but got 1"),
        (
            {"points": [], "row": {"name": "a", "born": "soon"}},
            'row.born: expected a date (YYYY-MM-DD), but got "soon"',
        ),
        ({"points": [], "colour": "RED"}, "colour: expected one of 'red', 'blue'"),
        ({"points": [], "mode": True}, "mode: expected one of 'fast', 1, but got true"),
        ({"points": [], "limit": 1.5}, "limit: expected an integer or null, but got 1.5"),
        ({"points": [], "limit": 1e400}, "limit: expected an integer or null"),
        ({"points": [], "pair": [1]}, "pair: expected an array of 2 items, but got [1]"),
        ({"points": [], "weights": {"a": "b"}}, 'weights.a: expected a number, but got "b"'),
        ({"points": [], "raw": "!"}, 'raw: expected bytes in base64, but got "!"'),
        (
            {"points": [], "either": None},
            "either: expected an integer or a text or an array, but got null",
        ),
        ({}, "A value is not provided for the 'points' parameter."),
    ],
)
def test_what_does_not_fit(server: RunningServer, values: dict[str, Any], words: str) -> None:
    answer = post(server, **values)
    assert answer.status == 400, answer.body
    assert words in answer.json["message"]


def test_refusals_are_those_of_decorated_scripts(server: RunningServer) -> None:
    assert server.ask(body=b"{}", Content_Type="text/plain").status == 415
    assert server.ask(body=b"", Content_Type="application/json").status == 400
    deep = b'{"points": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    assert server.ask(body=deep, Content_Type="application/json").status == 400


def test_documents(server: RunningServer) -> None:
    three_one = server.ask("GET", "/swagger.json?version=3.1").json
    taken = three_one["components"]["schemas"]["ServiceInput"]
    assert taken["required"] == ["points"]
    assert taken["example"] == {"points": [{"x": 7}]}
    point = taken["properties"]["points"]["items"]
    assert point["required"] == ["x"]
    assert point["properties"]["below"] == {"type": "array", "items": {"type": "object"}}
    assert taken["properties"]["limit"]["anyOf"][1] == {"type": "null"}
    given = three_one["components"]["schemas"]["ServiceOutput"]
    assert given["additionalProperties"] == {"type": "number", "format": "double"}
    assert given["example"]["types"] == ["Point"]
    three = server.ask("GET", "/swagger.json?version=3.0").json
    limit = three["components"]["schemas"]["ServiceInput"]["properties"]["limit"]
    assert limit == {"type": "integer", "format": "int64", "nullable": True}
    two = server.ask("GET", "/swagger.json").json
    properties = two["definitions"]["ServiceInput"]["properties"]
    assert properties["limit"]["x-nullable"] is True
    assert "anyOf" not in json.dumps(two)
    assert properties["pair"] == {"type": "array", "items": {}, "minItems": 2, "maxItems": 2}


@pytest.mark.parametrize(
    "signature", ["data: str", "data: object", "data: typing.Any", "data: str, other: str = ''"]
)
def test_texts_stay_raw(serve_source: ServeSource, signature: str) -> None:
    source = f"import typing\ndef init(): pass\ndef run({signature}) -> list: return [data]"
    assert serve_source(source).ready().ask(body=b'{"data": 1}').json == ['{"data": 1}']


def test_several_texts_are_taken_by_name(serve_source: ServeSource) -> None:
    source = "def init(): pass\ndef run(first: str, second: str): return [first, second]"
    assert post(serve_source(source).ready(), first="a", second="b").json == ["a", "b"]


def test_compat_ignores_annotations_as_azmlinfsrv_does(serve_source: ServeSource) -> None:
    source = "def init(): pass\ndef run(data: dict): return [data]"
    options = ("--compat", "azmlinfsrv", "--address", "127.0.0.1")
    assert serve_source(source, *options).ready().ask(body=b"{}").json == ["{}"]


def test_bytes_in_and_out(serve_source: ServeSource) -> None:
    server = serve_source("def init(): pass\ndef run(image: bytes) -> bytes: return image[::-1]")
    body = bytes(range(256))
    answer = server.ready().ask(body=body, Content_Type="image/png")
    assert (answer.body, answer.headers["content-type"]) == (body[::-1], "application/octet-stream")


def test_what_json_cannot_become(serve_source: ServeSource) -> None:
    source = "import threading\ndef init(): pass\ndef run(data: threading.Thread): pass"
    status = serve_source(source, "--check").failed()
    assert status["reason"] == "ScriptContractError"
    assert "no JSON value can become 'Thread'" in status["message"]


NUMPY = """
import numpy as np, pandas as pd
from numpy.typing import NDArray
def init(): pass
def run(
    data: NDArray[np.float32], frame: pd.DataFrame | None = None, any: np.ndarray | None = None
):
    return {
        "sum": data.sum(axis=0), "dtype": str(data.dtype), "any": any,
        "frame": None if frame is None else frame,
    }
"""


@needs("numpy", "pandas")
def test_arrays_and_frames(serve_source: ServeSource) -> None:
    server = serve_source(NUMPY).ready()
    answer = post(server, data=[[1, 2], [3, 4]], frame=[{"a": 1}, {"a": 2}], any=["x"])
    assert answer.json["sum"] == [4.0, 6.0]
    assert answer.json["dtype"] == "float32"
    assert answer.json["frame"] == [{"a": 1}, {"a": 2}]
    split = {"columns": ["a"], "index": [5], "data": [[1]]}
    assert post(server, data=[], frame=split).json["frame"] == [{"a": 1}]
    assert "expected an array of items" in post(server, data=1).json["message"]
    assert post(server, data=[[1], [1, 2]]).status == 400
    assert post(server, data=[["x"]]).status == 400
    document = server.ask("GET", "/swagger.json?version=3.1").json
    taken = document["components"]["schemas"]["ServiceInput"]["properties"]
    assert taken["data"]["format"] == "numpy.ndarray"
    assert server.ask("GET", "/swagger.json").status == 200


MODELS = """
import msgspec, pydantic
class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(gt=0)
    friends: "list[Person]" = []
class Place(msgspec.Struct):
    city: str
    number: int = 0
def init(): pass
def run(people: list[Person], place: Place | None = None):
    return {"people": people, "place": place, "older": [each.age + 1 for each in people]}
"""


@needs("pydantic", "msgspec")
def test_models_of_libraries(serve_source: ServeSource) -> None:
    server = serve_source(MODELS).ready()
    answer = post(server, people=[{"name": "a", "age": 1}], place={"city": "b"})
    assert answer.json["older"] == [2]
    assert answer.json["people"] == [{"name": "a", "age": 1, "friends": []}]
    assert answer.json["place"] == {"city": "b", "number": 0}
    text = post(server, people=[{"name": "a", "age": 0}]).json["message"]
    assert "people[0].age: expected something else (Input should be greater than 0)" in text
    text = post(server, people=[], place={"city": 1}).json["message"]
    assert "place.city" in text
    document = server.ask("GET", "/swagger.json?version=3.1").json
    person = document["components"]["schemas"]["ServiceInput"]["properties"]["people"]["items"]
    assert person["properties"]["age"]["exclusiveMinimum"] == 0
    assert "$ref" not in json.dumps(person)
    two = server.ask("GET", "/swagger.json").json["definitions"]["ServiceInput"]
    age = two["properties"]["people"]["items"]["properties"]["age"]
    assert (age["minimum"], age["exclusiveMinimum"]) == (0, True)
