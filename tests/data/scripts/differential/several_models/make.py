import pickle
from pathlib import Path

from sklearn.linear_model import LinearRegression

for name, slope in (("first", 1.0), ("second", 2.0)):
    folder = Path("models", name, "1")
    folder.mkdir(parents=True)
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, slope])
    (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))
