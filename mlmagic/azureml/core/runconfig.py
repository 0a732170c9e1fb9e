"""``azureml.core.runconfig``: how v1 ran scripts; what of it is for other machines is refused."""

from __future__ import annotations

from typing import Any

# Of other modules, but mostly imported from here: CondaDependencies and the images.
from mlmagic.azureml.core.conda_dependencies import CondaDependencies
from mlmagic.azureml.core.container_registry import ContainerRegistry
from mlmagic.azureml.core.environment import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    Environment,
)
from mlmagic.azureml.coverage import differs, differs_in, refuse, refused_class

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "ContainerRegistry",
    "RunConfiguration",
]

_DATA = "Read the data with pandas or fsspec."
_ONE_PROCESS = "Not used: one process on this machine"
_LOCAL = "Scripts run on this machine, one process each: leave it out."


@differs("Its script, arguments, command and environment are used; all else is said to be local")
@refuse("Say it in the code: ScriptRunConfig(…).", "load", "save", "delete")
@refuse("Give the environment: run_config.environment.", properties=("environment_variables",))
@refuse(_DATA, properties=("data", "data_references", "datacaches", "output_data"))
@refuse(_LOCAL, properties=("amlcompute", "kubernetescompute", "hdi", "spark", "tensorflow"))
@refuse(_LOCAL, properties=("mpi", "pytorch", "paralleltask", "docker", "history", "services"))
@refuse(_LOCAL, properties=("auto_cluster_compute_specification", "credential_passthrough"))
@refuse(_LOCAL, properties=("source_directory_data_store", "priority"))
@differs_in(
    dict.fromkeys(("communicator", "framework", "node_count"), _ONE_PROCESS)
    | {
        "max_run_duration_seconds": "Not used: a script runs until it ends or is cancelled",
        "target": "Another than this machine is refused when the script starts",
    }
)
class RunConfiguration:
    """How v1 ran a script; only a local target is run here."""

    target: Any
    environment: Environment
    script: str | None
    arguments: list[Any]
    command: Any
    framework: str
    communicator: str
    node_count: int
    max_run_duration_seconds: int | None

    def __init__(
        self,
        script: str | None = None,
        arguments: list[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: bool | None = None,
        _path: str | None = None,
        _name: str | None = None,
        command: str | None = None,
    ) -> None:
        self.target = "local"
        self.script, self.arguments, self.command = script, arguments or [], command or ""
        self.framework, self.communicator = framework or "Python", communicator or "None"
        self.node_count, self.max_run_duration_seconds = 1, None
        self.environment = Environment("default-environment")
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies

    @property
    def auto_prepare_environment(self) -> bool:
        """True, as in v1, where it was no longer used."""
        return True


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
