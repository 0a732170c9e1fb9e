"""``azureml.train.automl.automlconfig``: how v1's cloud searched."""

from mlmagic.azureml.coverage import refused_class

__all__ = ["AutoMLConfig"]

AutoMLConfig = refused_class(
    "AutoMLConfig",
    "Fit a search of scikit-learn, Optuna, FLAML or AutoGluon, and submit that in its place: "
    "experiment.submit(search).",
)
