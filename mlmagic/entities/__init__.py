"""Data only, frozen: what the rooms hand to one another."""

from mlmagic.entities.compute import ComputeTarget
from mlmagic.entities.configs import (
    DeploymentConfig,
    DockerDeploymentConfig,
    KubernetesDeploymentConfig,
    LocalDeploymentConfig,
    config_class,
)
from mlmagic.entities.environment import Environment, Lock
from mlmagic.entities.model import (
    AliasMove,
    ContentFile,
    Lineage,
    Model,
    ModelCard,
    ModelDetails,
    Registration,
    Resources,
    Sample,
)
from mlmagic.entities.report import Check, DoctorReport, ScriptReport, TrialResult
from mlmagic.entities.script import CellOrigin, InferenceConfig, Problem, SourceTree
from mlmagic.entities.service import (
    DeploymentSpec,
    PlacedModel,
    ProcessIdentity,
    Reason,
    Replica,
    Revision,
    ServiceEvent,
    ServiceRecord,
    ServiceState,
    ServiceStatus,
)

__all__ = [
    "AliasMove",
    "CellOrigin",
    "Check",
    "ComputeTarget",
    "ContentFile",
    "DeploymentConfig",
    "DeploymentSpec",
    "DockerDeploymentConfig",
    "DoctorReport",
    "Environment",
    "InferenceConfig",
    "KubernetesDeploymentConfig",
    "Lineage",
    "LocalDeploymentConfig",
    "Lock",
    "Model",
    "ModelCard",
    "ModelDetails",
    "PlacedModel",
    "Problem",
    "ProcessIdentity",
    "Reason",
    "Registration",
    "Replica",
    "Resources",
    "Revision",
    "Sample",
    "ScriptReport",
    "ServiceEvent",
    "ServiceRecord",
    "ServiceState",
    "ServiceStatus",
    "SourceTree",
    "TrialResult",
    "config_class",
]
