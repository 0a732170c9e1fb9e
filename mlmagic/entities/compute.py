"""Places where services run, as users call them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from mlmagic.entities.report import DoctorReport


@dataclass(frozen=True, kw_only=True)
class ComputeTarget:
    """A compute target of a workspace.

    Attributes:
        name: What users call it.
        compute_type: Its kind: ``local``, ``docker`` or ``kubernetes``.
        kubeconfig: File that says how a cluster is reached; None is kubectl's choice.
        context: Of that file; None is its current one.
        namespace: Where objects are made; None is the context's.
        image_registry: Where images for it are pushed, ``HOST/PATH``.
        provider: What made it: ``attached``, ``builtin``, or ``kind``, ``minikube``, ``k3d``.
        cluster: Address of its API server, when it was attached.
        created_at: When it was attached.
        report: What was found there when it was attached; it is told once, and not kept.
    """

    V1_KEYS: ClassVar[tuple[str, ...]] = ("location", "tags", "properties")
    name: str
    compute_type: Literal["local", "docker", "kubernetes"]
    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    image_registry: str | None = None
    provider: str = "builtin"
    cluster: str = ""
    created_at: datetime | None = None
    report: DoctorReport | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The name: it is unique in a workspace."""
        return self.name

    @property
    def location(self) -> str:
        """v1's word for a region."""
        return "local"

    @property
    def tags(self) -> dict[str, str]:
        """None: targets have no tags."""
        return {}

    @property
    def properties(self) -> dict[str, Any]:
        """What v1 told of a target, below ``properties``."""
        return {
            "computeType": "AKS" if self.compute_type == "kubernetes" else self.compute_type,
            "computeLocation": self.location,
            "description": None,
            "resourceId": self.context,
            "isAttachedCompute": self.provider == "attached",
            "provisioningState": "Succeeded",
            "provisioningErrors": None,
            "properties": {"clusterFqdn": self.cluster or None},
        }
