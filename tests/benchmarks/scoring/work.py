"""What the servers are asked to do: the same lines for each, in the form that each takes."""

from __future__ import annotations

import json
from dataclasses import dataclass

_LINEAR = """
import json
import pickle

import numpy as np


def load():
    global model
    with open("model.pkl", "rb") as file:
        model = pickle.load(file)


def score(text):
    return model.predict(np.array(json.loads(text)["data"])).tolist()
"""
_TRIVIAL = """
def load():
    pass


def score(text):
    return {"ok": True}
"""
_SLEEP = """
import time


def load():
    pass


def score(text):
    time.sleep(0.05)
    return {"ok": True}
"""
_SUM = """
import json

import numpy as np


def load():
    pass


def score(text):
    return float(np.array(json.loads(text)["data"]).sum())
"""
MODEL = """
import pickle
import sys

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

forest = RandomForestClassifier(100, random_state=0)
model = {"linear": LogisticRegression(max_iter=500), "forest": forest}[sys.argv[1]]
with open("model.pkl", "wb") as file:
    pickle.dump(model.fit(*load_iris(return_X_y=True)), file)
"""
_ROW = [5.1, 3.5, 1.4, 0.2]
_ONE = json.dumps({"data": [_ROW]}).encode()


@dataclass(frozen=True)
class Work:
    """One kind of work.

    Attributes:
        code: Has load() and score(text).
        model: Kind of model in ``model.pkl``.
    """

    code: str
    body: bytes
    model: str = ""


TRIVIAL = Work(_TRIVIAL, _ONE)
LINEAR = Work(_LINEAR, _ONE, "linear")
FOREST = Work(_LINEAR, _ONE, "forest")
SLEEP = Work(_SLEEP, _ONE)
_ROWS = [[5.1, 3.5, 1.4, 0.2 + i / 7919] for i in range(1000)]
ROWS = Work(_LINEAR, json.dumps({"data": _ROWS}).encode(), "linear")
_NUMBERS = [[(i * j % 997) / 7.0 for j in range(64)] for i in range(1000)]
NUMBERS = Work(_SUM, json.dumps({"data": _NUMBERS}).encode())

ENTRY = """
from work import load as init
from work import score


def run(raw_data):
    return score(raw_data)
"""
TYPED = """
import numpy as np


def init():
    pass


def run(data: np.ndarray) -> float:
    return float(data.sum())
"""
BATCHED = """
import json

import numpy as np
import work
from mlmagic.scoring import batched


def init():
    work.load()


@batched(most=64)
def run(raw_data):
    rows = [json.loads(text)["data"] for text in raw_data]
    answers = iter(work.model.predict(np.array([row for each in rows for row in each])).tolist())
    return [[next(answers) for _ in each] for each in rows]
"""
FASTAPI = """
from typing import Annotated

import work
from fastapi import Depends, FastAPI, Request

work.load()
app = FastAPI()


async def text(request: Request) -> bytes:
    return await request.body()


@app.get("/")
def health():
    return "Healthy"


@app.post("/score")
def score(body: Annotated[bytes, Depends(text)]):
    return work.score(body)
"""
ROBYN = """
import json
import os

import work
from robyn import Robyn

work.load()
app = Robyn(__file__)


@app.get("/")
def health():
    return "Healthy"


@app.post("/score")
def score(request):
    return {"result": work.score(request.body)}


app.start(host="127.0.0.1", port=int(os.environ["PORT"]))
"""
MLSERVER = """
import work
from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Model(MLModel):
    async def load(self) -> bool:
        work.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        result = work.score(payload.inputs[0].data[0])
        data = result if isinstance(result, list) else [str(result)]
        kind = "INT64" if isinstance(result, list) else "BYTES"
        output = ResponseOutput(name="y", shape=[len(data)], datatype=kind, data=data)
        return InferenceResponse(model_name=self.name, outputs=[output])
"""
