"""``azureml.core.compute_target``: where older notebooks take these names from."""

from mlmagic.azureml.core.compute import ComputeTarget
from mlmagic.azureml.coverage import refused_class
from mlmagic.azureml.exceptions import ComputeTargetException

__all__ = [
    "AbstractComputeTarget",
    "ComputeTarget",
    "ComputeTargetException",
    "LocalTarget",
    "attach_legacy_compute_target",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
]

_NAME = "Name the target: 'local'."
_PREPARED = "This machine needs no preparing."
AbstractComputeTarget = refused_class("AbstractComputeTarget", _NAME)
LocalTarget = refused_class("LocalTarget", _NAME)
attach_legacy_compute_target = refused_class("attach_legacy_compute_target", _PREPARED)
is_compute_target_prepared = refused_class("is_compute_target_prepared", _PREPARED)
prepare_compute_target = refused_class("prepare_compute_target", _PREPARED)
remove_legacy_compute_target = refused_class("remove_legacy_compute_target", _PREPARED)
