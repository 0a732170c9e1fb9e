"""``azureml.core.compute_target``: where older notebooks take these names from."""

from mlmagic.azureml.core.compute import ComputeTarget
from mlmagic.azureml.exceptions import ComputeTargetException

__all__ = ["ComputeTarget", "ComputeTargetException"]
