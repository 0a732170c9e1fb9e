"""Answers requests: init() runs once when the service starts, run() for each request."""

import json

import pandas as pd
from mlmagic.scoring import load_model


def init():
    """Load what the requests need."""
    global model
    model = load_model("diabetes")


def run(raw_data):
    """Predict the disease progression of each row of ``data``."""
    rows = pd.DataFrame(json.loads(raw_data)["data"])
    return model.predict(rows).tolist()
