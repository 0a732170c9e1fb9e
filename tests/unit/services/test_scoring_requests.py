from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mlmagic.errors import ScoringError
from mlmagic.services.scoring_requests import BYTES_TYPE, JSON_TYPE, Answer, decode, encode


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"a": [1]}, {"a": [1]}),
        ([1, None], [1, None]),
        (np.array([[1.5, 2]]), {"data": [[1.5, 2.0]]}),
        (pd.DataFrame({"a": [1, 2]}), {"data": [{"a": 1}, {"a": 2}]}),
    ],
)
def test_objects_travel_as_samples_do(data: object, body: object) -> None:
    encoded, media_type = encode(data)
    assert (json.loads(encoded), media_type) == (body, JSON_TYPE)


def test_bodies_travel_as_they_are() -> None:
    assert encode('{"a": 1}') == (b'{"a": 1}', JSON_TYPE)
    assert encode(b"\xff\xd8") == (b"\xff\xd8", BYTES_TYPE)


def test_answers_are_decoded_by_their_type() -> None:
    assert decode(Answer(200, JSON_TYPE, b"[1]"), "iris") == [1]
    assert decode(Answer(200, "text/plain", b"yes"), "iris") == "yes"
    assert decode(Answer(200, "image/png", b"\x89"), "iris") == b"\x89"


@pytest.mark.parametrize("body", [b'{"message": "too old"}', b"too old"])
def test_errors_say_what_the_service_said(body: bytes) -> None:
    with pytest.raises(ScoringError, match="'iris' answered 422: too old") as caught:
        decode(Answer(422, JSON_TYPE, body), "iris")
    assert caught.value.body == body.decode()


def test_an_answer_that_leads_elsewhere_is_no_value() -> None:
    moved = Answer(308, "text/html", b"moved", {"Location": "https://iris"})
    with pytest.raises(ScoringError, match="308: it is at 'https://iris'"):
        decode(moved, "iris")
