import json
import os
import pickle
from pathlib import Path

models = {}


def init():
    root = Path(os.environ["AZUREML_MODEL_DIR"])
    for name in ("first", "second"):
        with (root / name / "1" / f"{name}.pkl").open("rb") as file:
            models[name] = pickle.load(file)


def run(raw_data):
    asked = json.loads(raw_data)
    return models[asked["model"]].predict(asked["rows"])[0].item()
