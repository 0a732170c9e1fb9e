"""What services are told in parts: sizes, probes, scaling, data that is collected."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from mlmagic.azureml.exceptions import WebserviceException


class _Part:
    _NAME: ClassVar[str]
    _KEYS: ClassVar[dict[str, str]]  # v1's key to the attribute

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {key: getattr(self, name) for key, name in self._KEYS.items()}

    @classmethod
    def _read(cls, payload: dict[str, Any]) -> Self:
        for key in cls._KEYS:
            if key not in payload:
                raise WebserviceException(
                    f"Invalid webservice payload, missing {key} for {cls._NAME}:\n{payload}"
                )
        return cls(**{name: payload[key] for key, name in cls._KEYS.items()})


class ContainerResourceRequirements(_Part):
    """CPUs, gigabytes and GPUs of a container; what is not set is None."""

    cpu: float | None
    cpu_limit: float | None
    memory_in_gb: float | None
    memory_in_gb_limit: float | None
    gpu: int | None
    _NAME = "ContainerResourceRequirements"
    _KEYS: ClassVar[dict[str, str]] = {
        "cpu": "cpu",
        "cpuLimit": "cpu_limit",
        "memoryInGB": "memory_in_gb",
        "memoryInGBLimit": "memory_in_gb_limit",
        "gpu": "gpu",
    }

    def __init__(
        self,
        cpu: float | None,
        memory_in_gb: float | None,
        gpu: int | None = None,
        cpu_limit: float | None = None,
        memory_in_gb_limit: float | None = None,
    ) -> None:
        self.cpu, self.memory_in_gb, self.gpu = cpu, memory_in_gb, gpu
        self.cpu_limit, self.memory_in_gb_limit = cpu_limit, memory_in_gb_limit

    @staticmethod
    def deserialize(payload_obj: dict[str, Any]) -> ContainerResourceRequirements:
        """Read it from v1's keys."""
        return ContainerResourceRequirements._read(payload_obj)


class LivenessProbeRequirements(_Part):
    """When a replica counts as hung."""

    period_seconds: int
    initial_delay_seconds: int
    timeout_seconds: int
    success_threshold: int
    failure_threshold: int
    _NAME = "LivenessProbeRequirements"
    _KEYS: ClassVar[dict[str, str]] = {
        "periodSeconds": "period_seconds",
        "initialDelaySeconds": "initial_delay_seconds",
        "timeoutSeconds": "timeout_seconds",
        "successThreshold": "success_threshold",
        "failureThreshold": "failure_threshold",
    }

    def __init__(
        self,
        period_seconds: int,
        initial_delay_seconds: int,
        timeout_seconds: int,
        success_threshold: int,
        failure_threshold: int,
    ) -> None:
        self.period_seconds, self.initial_delay_seconds = period_seconds, initial_delay_seconds
        self.timeout_seconds, self.success_threshold = timeout_seconds, success_threshold
        self.failure_threshold = failure_threshold

    @staticmethod
    def deserialize(payload_obj: dict[str, Any] | None) -> LivenessProbeRequirements:
        """Read it from v1's keys; None gives v1's defaults."""
        if payload_obj is None:
            return LivenessProbeRequirements(10, 310, 1, 1, 3)
        return LivenessProbeRequirements._read(payload_obj)


class AutoScaler(_Part):
    """Between how many replicas a service is scaled, and when."""

    autoscale_enabled: bool | None
    max_replicas: int | None
    min_replicas: int | None
    refresh_period_seconds: int | None
    target_utilization: int | None
    _NAME = "autoScaler"
    _KEYS: ClassVar[dict[str, str]] = {
        "autoscaleEnabled": "autoscale_enabled",
        "minReplicas": "min_replicas",
        "maxReplicas": "max_replicas",
        "refreshPeriodInSeconds": "refresh_period_seconds",
        "targetUtilization": "target_utilization",
    }

    def __init__(
        self,
        autoscale_enabled: bool | None,
        max_replicas: int | None,
        min_replicas: int | None,
        refresh_period_seconds: int | None,
        target_utilization: int | None,
    ) -> None:
        self.autoscale_enabled = autoscale_enabled
        self.max_replicas, self.min_replicas = max_replicas, min_replicas
        self.refresh_period_seconds = refresh_period_seconds
        self.target_utilization = target_utilization

    @staticmethod
    def deserialize(payload_obj: dict[str, Any]) -> AutoScaler:
        """Read it from v1's keys."""
        return AutoScaler._read(payload_obj)


class DataCollection(_Part):
    """Whether inputs and predictions are kept."""

    event_hub_enabled: bool | None
    storage_enabled: bool | None
    _NAME = "DataCollection"
    _KEYS: ClassVar[dict[str, str]] = {
        "eventHubEnabled": "event_hub_enabled",
        "storageEnabled": "storage_enabled",
    }

    def __init__(self, event_hub_enabled: bool | None, storage_enabled: bool | None) -> None:
        self.event_hub_enabled, self.storage_enabled = event_hub_enabled, storage_enabled

    @staticmethod
    def deserialize(payload_obj: dict[str, Any]) -> DataCollection:
        """Read it from v1's keys."""
        return DataCollection._read(payload_obj)
