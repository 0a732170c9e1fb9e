"""``azureml.core.runconfig``: how v1 ran scripts; what of it is for other machines is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.container_registry import ContainerRegistry
from mlmagic.azureml.coverage import differs, refuse, refused_class

if TYPE_CHECKING:
    from mlmagic.azureml.core.environment import Environment

__all__ = ["ContainerRegistry", "RunConfiguration"]

_DATA = "Read the data with pandas or fsspec."
_LOCAL = "Scripts run on this machine, one process each: leave it out."


@differs("Only its target, which is 'local', and its environment are used")
@refuse("Say it in the code: ScriptRunConfig(…).", "load", "save", "delete")
@refuse("Give the environment: run_config.environment.", properties=("environment_variables",))
@refuse(
    "Environments are made when a service needs them.", properties=("auto_prepare_environment",)
)
class RunConfiguration:
    """How v1 ran a script; only a local target is run here."""

    target: str | None
    environment: Environment | None

    def __init__(
        self,
        script: str | None = None,
        arguments: list[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: object = None,
        _history_enabled: bool | None = None,
        _path: str | None = None,
        _name: str | None = None,
        command: str | None = None,
    ) -> None:
        self.target, self.environment = "local", None


ApplicationEndpointConfiguration = refused_class("ApplicationEndpointConfiguration", _LOCAL)
AmlComputeConfiguration = refused_class("AmlComputeConfiguration", _LOCAL)
AzureContainerRegistry = refused_class("AzureContainerRegistry", "Use ContainerRegistry.")
Data = refused_class("Data", _DATA)
DataLocation = refused_class("DataLocation", _DATA)
DataPath = refused_class("DataPath", _DATA)
DataReferenceConfiguration = refused_class("DataReferenceConfiguration", _DATA)
DatacacheConfiguration = refused_class("DatacacheConfiguration", _DATA)
Dataset = refused_class("Dataset", _DATA)
DatasetRegistrationOptions = refused_class("DatasetRegistrationOptions", _DATA)
DockerConfiguration = refused_class("DockerConfiguration", _LOCAL)
EnvironmentDefinition = refused_class("EnvironmentDefinition", "Use Environment.")
GlobsOptions = refused_class("GlobsOptions", _DATA)
HdiConfiguration = refused_class("HdiConfiguration", _LOCAL)
HistoryConfiguration = refused_class("HistoryConfiguration", _LOCAL)
KubernetesComputeConfiguration = refused_class("KubernetesComputeConfiguration", _LOCAL)
MountOptions = refused_class("MountOptions", _DATA)
MpiConfiguration = refused_class("MpiConfiguration", _LOCAL)
OutputData = refused_class("OutputData", _DATA)
OutputOptions = refused_class("OutputOptions", _DATA)
ParallelTaskConfiguration = refused_class("ParallelTaskConfiguration", _LOCAL)
PyTorchConfiguration = refused_class("PyTorchConfiguration", _LOCAL)
RegistrationOptions = refused_class("RegistrationOptions", _DATA)
SparkConfiguration = refused_class("SparkConfiguration", _LOCAL)
TensorflowConfiguration = refused_class("TensorflowConfiguration", _LOCAL)
UploadOptions = refused_class("UploadOptions", _DATA)
Uri = refused_class("Uri", _DATA)
