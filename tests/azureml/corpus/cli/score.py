import json
import os

from azureml.core.model import Model


def init():
    global text
    with open(Model.get_model_path("hello")) as stream:
        text = stream.read().strip()


def run(raw_data):
    return {"text": text, "data": json.loads(raw_data)["data"], "greeting": os.getenv("GREETING")}
