from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

Path("models").mkdir()
joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), "models/model.joblib")
