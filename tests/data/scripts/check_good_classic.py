import json
import logging
import os
import pickle

import joblib
import numpy as np

try:
    import xgboost
except ImportError:
    xgboost = None

model = None
log = logging.getLogger(__name__)


def init():
    global model, scaler
    path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")
    model = joblib.load(path)
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "scaler.pkl"), "rb") as stream:
        scaler = pickle.load(stream)
    log.info("loaded %s in %s", path, __file__)


def run(raw_data):
    try:
        data = np.array(json.loads(raw_data)["data"])
        return model.predict(scaler.transform(data)).tolist()
    except Exception as error:
        return str(error)
