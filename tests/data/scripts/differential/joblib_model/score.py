import json
import os

import joblib
import numpy as np


def init():
    global model
    path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.joblib")
    model = joblib.load(path)


def run(raw_data):
    try:
        data = np.array(json.loads(raw_data)["data"])
        return {"result": model.predict(data).tolist(), "p": model.predict_proba(data).round(6).tolist()}
    except Exception as error:
        return {"error": str(error)}
