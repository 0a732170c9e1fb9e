import json
import logging
import os

from azureml.core.model import Model


def init():
    global text
    # AZUREML_MODEL_DIR is an environment variable created during deployment.
    path = Model.get_model_path("hello")
    logging.info(os.getenv("AZUREML_MODEL_DIR"))
    with open(path) as stream:
        text = stream.read()


def run(raw_data):
    data = json.loads(raw_data)["data"]
    return {"text": text, "data": data, "greeting": os.environ.get("GREETING")}
