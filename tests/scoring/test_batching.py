"""Several requests in one call of run()."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.scoring.conftest import Answer, RunningServer, needs

ServeSource = Callable[..., RunningServer]
SCRIPT = """
import json, time
from mlmagic.scoring import batched
sizes = []
def init(): pass
@batched(most=4)
def run(raw_data):
    if raw_data == ["sizes"]: return [sizes]
    sizes.append(len(raw_data))
    time.sleep(0.1)
    if "spoil" in raw_data: raise ValueError("spoilt")
    if "short" in raw_data: return []
    return [KeyError(each) if each == "bad" else {"got": each} for each in raw_data]
"""


def together(server: RunningServer, bodies: list[str]) -> dict[str, Answer]:
    found: dict[str, Answer] = {}

    def ask(body: str) -> None:
        found[body] = server.ask(body=body)

    threads = [threading.Thread(target=ask, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_what_waits_goes_together(serve_source: ServeSource) -> None:
    server = serve_source(SCRIPT).ready()
    found = together(server, [str(number) for number in range(12)])
    assert {body: answer.json for body, answer in found.items()} == {
        str(number): {"got": str(number)} for number in range(12)
    }
    sizes = server.ask(body=b"sizes").json
    assert 1 < max(sizes) <= 4
    assert sum(sizes) == 12


def test_errors_are_those_of_one_request(serve_source: ServeSource) -> None:
    server = serve_source(SCRIPT).ready()
    found = together(server, ["a", "bad", "b", "spoil", "c", "d"])
    assert {body: answer.status for body, answer in found.items()} == {
        "a": 200, "bad": 500, "b": 200, "spoil": 500, "c": 200, "d": 200
    }  # fmt: skip
    assert found["bad"].headers["x-ms-run-function-failed"] == "True"
    assert "ValueError: spoilt" in server.log
    assert server.ask(body=b"short").status == 500
    assert "one value for each of its 1 requests; it returned 0 values" in server.log


def test_bad_requests_spoil_nothing(serve_source: ServeSource) -> None:
    server = serve_source(SCRIPT).ready()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda body=body: found.append(server.ask(body=body).status))
        for body in (b"a", b"\xff", b"b", b"\xfe")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 200, 400, 400]


ANNOTATED = """
from dataclasses import dataclass
@dataclass
class Row:
    x: float
def init(): pass
def run(row: list[Row], factor: list[float] = 1.0, request_headers=None) -> list[float]:
    assert len(row) == len(factor) == len(request_headers)
    return [each.x * by for each, by in zip(row, factor)]
"""


def test_setting_and_annotations(serve_source: ServeSource, tmp_path: Any) -> None:
    (tmp_path / "sample.json").write_text('{"row": {"x": 2}, "factor": 3}')
    options = ("--batch", "8", "--sample", str(tmp_path / "sample.json"))
    server = serve_source(ANNOTATED, *options).ready()
    assert server.status["sample_result"] == "6.0"
    body = json.dumps({"row": {"x": 2}})
    answer = server.ask(body=body, Content_Type="application/json")
    assert answer.json == 2.0
    answer = server.ask(body='{"row": {}}', Content_Type="application/json")
    assert answer.status == 400
    document = server.ask("GET", "/swagger.json").json
    row = document["definitions"]["ServiceInput"]["properties"]["row"]
    assert row["properties"]["x"]["type"] == "number"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("async def run(data): pass", "async run() that is batched"),
        ("def run(data: int): pass", "batched, so '<class 'int'>' should be a list"),
    ],
)
def test_what_cannot_be_batched(serve_source: ServeSource, source: str, words: str) -> None:
    status = serve_source(f"def init(): pass\n{source}", "--batch", "2", "--check").failed()
    assert status["reason"] == "ScriptContractError"
    assert words in status["message"]


@needs("numpy")
def test_arrays_come_apart(serve_source: ServeSource) -> None:
    source = (
        "import numpy as np\ndef init(): pass\ndef run(d): return np.array([len(x) for x in d])"
    )
    assert serve_source(source, "--batch", "2").ready().ask(body=b"abc").json == 3
