"""What v1's deployment configurations have in common: their fields, rules and keys in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlmagic.azureml.coverage import differs

if TYPE_CHECKING:
    import builtins

    from mlmagic.azureml.core.webservice.webservice import Webservice


class WebserviceDeploymentConfiguration:
    """How a service runs; what is None is left to the target.

    Attributes:
        _compute_type: The ``computeType`` of configuration files.
        _keys: Field to its key in such a file; dots lead into objects.
    """

    _compute_type: ClassVar[str] = ""
    _keys: ClassVar[dict[str, str]] = {}
    description: str | None
    tags: dict[str, str] | None
    properties: dict[str, str] | None
    primary_key: str | None
    secondary_key: str | None
    location: str | None

    def __init__(
        self,
        type: builtins.type[Webservice],
        description: str | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        primary_key: str | None = None,
        secondary_key: str | None = None,
        location: str | None = None,
        **fields: Any,
    ) -> None:
        self._webservice_type = type
        self.description, self.tags, self.properties = description, tags, properties
        self.primary_key, self.secondary_key, self.location = primary_key, secondary_key, location
        for name, value in fields.items():
            setattr(self, name, value)
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check the fields."""

    def print_deploy_configuration(self) -> None:
        """Print the sizes."""
        rows = {
            "CPU requirement": "cpu_cores",
            "GPU requirement": "gpu_cores",
            "Memory requirement": "memory_gb",
            "Number of replica": "num_replicas",
        }
        given = {label: getattr(self, name, None) for label, name in rows.items()}
        unit = {"Memory requirement": "GB"}
        line = ", ".join(f"{k}: {v}{unit.get(k, '')}" for k, v in given.items() if v)
        if line:
            print(line)

    @classmethod
    @differs("Nothing is checked: images are made for the target")
    def validate_image(cls, image: object) -> None:
        """Nothing to check: images are made for the target."""

    def _to_keys(self) -> dict[str, Any]:
        """Return what is given, as a deployment configuration file would."""
        content: dict[str, Any] = {"computeType": self._compute_type}
        for name, key in self._keys.items():
            value = getattr(self, name, None)
            if value is None:
                continue
            *objects, last = key.split(".")
            place = content
            for part in objects:
                place = place.setdefault(part, {})
            place[last] = value
        return content


def positive(owner: object, names: tuple[str, ...], words: str) -> list[str]:
    """Say which fields are not above zero."""
    return [
        f"Invalid configuration, {name} must be {words}."
        for name in names
        if (value := getattr(owner, name)) is not None and value <= 0
    ]
