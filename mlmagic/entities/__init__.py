"""Data only, frozen: what the rooms hand to one another."""

from mlmagic.entities.environment import Environment, Lock
from mlmagic.entities.model import ContentFile, Lineage, Model, Registration, Sample
from mlmagic.entities.report import ScriptReport, TrialResult
from mlmagic.entities.script import CellOrigin, InferenceConfig, Problem, SourceTree
from mlmagic.entities.service import (
    DeploymentSpec,
    LocalDeploymentConfig,
    PlacedModel,
    ProcessIdentity,
    Reason,
    Replica,
    Revision,
    ServiceRecord,
    ServiceState,
    ServiceStatus,
)

__all__ = [
    "CellOrigin",
    "ContentFile",
    "DeploymentSpec",
    "Environment",
    "InferenceConfig",
    "Lineage",
    "LocalDeploymentConfig",
    "Lock",
    "Model",
    "PlacedModel",
    "Problem",
    "ProcessIdentity",
    "Reason",
    "Registration",
    "Replica",
    "Revision",
    "Sample",
    "ScriptReport",
    "ServiceRecord",
    "ServiceState",
    "ServiceStatus",
    "SourceTree",
    "TrialResult",
]
