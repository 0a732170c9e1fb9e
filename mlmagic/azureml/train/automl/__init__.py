"""``azureml.train.automl``: v1's automated runs, over searches of this machine."""

from mlmagic.azureml.train.automl.automlconfig import AutoMLConfig
from mlmagic.azureml.train.automl.run import AutoMLRun

__all__ = ["AutoMLConfig", "AutoMLRun"]
