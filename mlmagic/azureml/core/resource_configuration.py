"""``azureml.core.resource_configuration``."""

from __future__ import annotations

from typing import Any

from mlmagic.azureml.exceptions import WebserviceException

_KEYS = ("cpu", "memoryInGB", "gpu")


class ResourceConfiguration:
    """What a model needs to be served: cores, gigabytes, GPUs.

    Raises:
        WebserviceException: When it is used, where one is not above zero.
    """

    cpu: float | None
    memory_in_gb: float | None
    gpu: int | None

    def __init__(
        self, cpu: float | None = None, memory_in_gb: float | None = None, gpu: int | None = None
    ) -> None:
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: dict[str, Any] | None) -> ResourceConfiguration | None:
        """Make one of what `serialize` returned."""
        if payload_obj is None:
            return None
        if missing := [key for key in _KEYS if key not in payload_obj]:
            raise WebserviceException(
                f"Invalid webservice payload, missing {missing[0]} for ResourceConfiguration:\n"
                f"{payload_obj}"
            )
        return ResourceConfiguration(*(payload_obj[key] for key in _KEYS))

    def _validate_configuration(self) -> None:
        given = {"cpu": self.cpu, "memory_in_gb": self.memory_in_gb, "gpu": self.gpu}
        wrong = [
            f"Invalid configuration, {name} must be greater than zero.\n"
            for name, value in given.items()
            if value and value <= 0
        ]
        if wrong:
            raise WebserviceException("".join(wrong))
