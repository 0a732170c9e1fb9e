"""Kubernetes: plain objects, nothing to install in the cluster."""

from mlmagic.targets.kubernetes.connection import Place
from mlmagic.targets.kubernetes.target import KubernetesTarget

__all__ = ["KubernetesTarget", "Place"]
