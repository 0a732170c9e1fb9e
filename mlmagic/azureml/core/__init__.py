"""``azureml.core``: the names that v1's notebooks import."""

from mlmagic.azureml.core.compute import ComputeTarget
from mlmagic.azureml.core.compute_target import (
    attach_legacy_compute_target,
    is_compute_target_prepared,
    prepare_compute_target,
    remove_legacy_compute_target,
)
from mlmagic.azureml.core.container_registry import ContainerRegistry
from mlmagic.azureml.core.dataset import Dataset
from mlmagic.azureml.core.datastore import Datastore
from mlmagic.azureml.core.environment import Environment
from mlmagic.azureml.core.experiment import Experiment
from mlmagic.azureml.core.image import Image
from mlmagic.azureml.core.model import Model
from mlmagic.azureml.core.run import Run, get_run
from mlmagic.azureml.core.runconfig import RunConfiguration
from mlmagic.azureml.core.script_run_config import ScriptRunConfig
from mlmagic.azureml.core.webservice import Webservice
from mlmagic.azureml.core.workspace import Workspace
from mlmagic.azureml.coverage import refused_class

VERSION = "1.61.0"  # the last of v1, whose shape this is

Keyvault = refused_class("Keyvault", "Give secrets to a service with 'mlmagic deploy --secret'.")
LinkedService = refused_class("LinkedService", "Read the data with pandas or fsspec.")
PrivateEndPoint = refused_class("PrivateEndPoint", "Services listen on 127.0.0.1 unless told.")
PrivateEndPointConfig = refused_class(
    "PrivateEndPointConfig", "Services listen on 127.0.0.1 unless told."
)
ScriptRun = refused_class("ScriptRun", "Run is what Experiment.submit returns.")
SynapseWorkspaceLinkedServiceConfiguration = refused_class(
    "SynapseWorkspaceLinkedServiceConfiguration", "Read the data with pandas or fsspec."
)
diagnostic_log = refused_class("diagnostic_log", "Use the module logging.")


__all__ = [
    "VERSION",
    "ComputeTarget",
    "ContainerRegistry",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "Image",
    "Keyvault",
    "LinkedService",
    "Model",
    "PrivateEndPoint",
    "PrivateEndPointConfig",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "SynapseWorkspaceLinkedServiceConfiguration",
    "Webservice",
    "Workspace",
    "attach_legacy_compute_target",
    "diagnostic_log",
    "get_run",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
]
