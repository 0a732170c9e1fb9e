"""An ONNX model, as the samples of v1 have it."""

import json
import os

import numpy as np
import onnxruntime


def init():
    global session, input_name
    path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    input_name = session.get_inputs()[0].name


def run(raw_data):
    try:
        rows = np.array(json.loads(raw_data)["data"]).astype("float32")
        scores, label = session.run(None, {input_name: rows})
        return {"label": label.tolist(), "scores": scores.tolist()}
    except Exception as error:
        return {"error": type(error).__name__}
