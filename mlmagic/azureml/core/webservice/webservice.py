"""``azureml.core.webservice.webservice``: what every shape of a service has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from mlmagic.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
from mlmagic.azureml.core.webservice.deploying import model_references, teller
from mlmagic.azureml.coverage import differs, refuse, refused_class
from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.azureml.translating import as_v1
from mlmagic.errors import (
    DeploymentFailedError,
    DeploymentTimeoutError,
    MlmagicError,
    ScoringError,
    ServiceNotFoundError,
)

if TYPE_CHECKING:
    import builtins
    from datetime import datetime

    from mlmagic.azureml.core.model import InferenceConfig, Model
    from mlmagic.azureml.core.workspace import Workspace
    from mlmagic.services import Webservice as Handle

__all__ = ["ContainerResourceRequirements", "Webservice", "WebserviceDeploymentConfiguration"]

_KEYS = ("Primary", "Secondary")
_SIZES = {
    "cpu": "cpu",
    "cpuLimit": "cpu_limit",
    "memoryInGB": "memory_in_gb",
    "memoryInGBLimit": "memory_in_gb_limit",
    "gpu": "gpu",
}
_GIVEN = "Read what you gave: the deployment configuration has it."
_OLD = "Use Model.deploy, which v1 put in its place."


class ContainerResourceRequirements:
    """CPUs, gigabytes and GPUs of a container; what is not set is None."""

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

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {key: getattr(self, name) for key, name in _SIZES.items()}

    @staticmethod
    def deserialize(payload_obj: dict[str, Any]) -> ContainerResourceRequirements:
        """Read it from v1's keys."""
        for key in _SIZES:
            if key not in payload_obj:
                raise WebserviceException(
                    f"Invalid webservice payload, missing {key} for ContainerResourceRequirements:"
                    f"\n{payload_obj}"
                )
        return ContainerResourceRequirements(
            **{name: payload_obj[key] for key, name in _SIZES.items()}
        )


@refuse(
    _OLD,
    "deploy",
    "deploy_from_image",
    "deploy_from_model",
    "deploy_local_from_model",
    "check_for_existing_webservice",
)
@refuse("Fetch it: Webservice(workspace, name).", "deserialize")
@refuse("Use the keys: get_keys().", "get_token")
class Webservice:
    """A service; ``Webservice(workspace, name)`` has the shape it was deployed in.

    Everything it tells is looked up when it is asked, in the service's record and its target.

    Raises:
        WebserviceException: v1's ``WebserviceNotFound``.
    """

    compute_type: ClassVar[str] = ""

    def __new__(cls, workspace: Workspace, name: str, *_: Any, **__: Any) -> Self:
        """Choose the shape."""
        shape: Any = _shape_of(workspace, name) if cls is Webservice else cls
        made: Self = super().__new__(shape)
        return made

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace, self.name = workspace, name
        self._handle = handle_of(workspace, name)

    @staticmethod
    @as_v1
    def list(
        workspace: Workspace,
        compute_type: str | None = None,
        image_name: str | None = None,
        image_id: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: builtins.list[Any] | None = None,
        properties: builtins.list[Any] | None = None,
        image_digest: str | None = None,
    ) -> builtins.list[Webservice]:
        """Return the services that match."""
        found = [Webservice(workspace, name) for name in workspace.local.webservices]
        return [
            service
            for service in found
            if compute_type in (None, service.compute_type, service.compute_type.upper())
            and service._uses(model_name, model_id)
            and _holds(service.tags, tags)
            and _holds(service.properties, properties)
        ]

    @property
    def state(self) -> str | None:
        """The state, as it is now."""
        try:
            return str(self._handle.state)
        except ServiceNotFoundError:
            return None

    @property
    def error(self) -> dict[str, Any] | None:
        """Why it failed, in v1's shape; None where it did not."""
        status = self._handle.failure or self._handle.status
        if str(status.state) not in {"Failed", "Unschedulable"}:
            return None
        return {
            "code": "DeploymentFailed",
            "statusCode": 400,
            "message": "Deployment request failed.",
            "details": [{"code": str(status.reason), "message": status.message}],
        }

    @property
    def scoring_uri(self) -> str | None:
        """Where this machine scores."""
        return self._handle.internal_uri

    @property
    def swagger_uri(self) -> str | None:
        """Where the description of the service is."""
        uri = self.scoring_uri
        return uri.rpartition("/")[0] + "/swagger.json" if uri else None

    @property
    def tags(self) -> dict[str, str]:
        """Labels that can change."""
        return self._handle.record.spec.tags

    @property
    def properties(self) -> dict[str, str]:
        """Facts."""
        return self._handle.record.spec.properties

    @property
    def description(self) -> str | None:
        """What it is, in words."""
        return self._handle.record.spec.description or None

    @property
    def created_time(self) -> datetime:
        """When it was made."""
        return self._handle.record.created_at

    @property
    def updated_time(self) -> datetime:
        """When it was changed."""
        return self._handle.record.updated_at

    @property
    def created_by(self) -> None:
        """Nobody is known."""
        return

    @property
    def image_id(self) -> None:
        """Images are known to their target alone."""
        return

    @property
    def image_digest(self) -> None:
        """Images are known to their target alone."""
        return

    @property
    def auth_enabled(self) -> bool:
        """Whether callers need a key."""
        return self._handle.record.spec.config.auth == "key"

    @property
    def token_auth_enabled(self) -> bool:
        """There are no tokens."""
        return False

    @property
    def models(self) -> builtins.list[Model]:
        """The registered models that it serves."""
        from mlmagic.azureml.core.model import Model

        placed = self._handle.record.spec.models
        return [Model(self.workspace, id=each.id) for each in placed if each.version]

    def run(self, input: Any) -> Any:
        """Score data, and return the decoded answer."""
        try:
            return self._handle.run(input)
        except ScoringError as error:
            raise WebserviceException(
                "Received bad response from service. More information can be found by calling "
                f"`.get_logs()` on the webservice object.\nResponse Code: {error.status}\n"
                f"Content: {error.body}",
                error.status,
            ) from error
        except MlmagicError as error:
            raise WebserviceException(f"{error}") from error

    @as_v1
    def get_logs(
        self,
        num_lines: int = 5000,
        init: bool = False,
    ) -> str:
        """Return the end of the log."""
        return self._handle.get_logs(num_lines)

    @as_v1
    def get_keys(self) -> tuple[str, str]:
        """Return the two keys."""
        return self._handle.get_keys()

    @as_v1
    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Replace a key."""
        if not key:
            raise WebserviceException(
                "Error, must specify which key with be regenerated: Primary, Secondary"
            )
        if key.capitalize() not in _KEYS:
            raise WebserviceException(
                f"Error, invalid value provided for key: {key.capitalize()}.\n"
                "Valid options are: Primary, Secondary"
            )
        self._handle.regen_key(key.capitalize(), set_key)

    def wait_for_deployment(
        self,
        show_output: bool = False,
        timeout_sec: float | None = None,
    ) -> None:
        """Wait until it is Healthy.

        Raises:
            WebserviceException: It did not become Healthy, or not in time.
        """
        if show_output:
            print(
                "Tips: You can try get_logs() or local deployment to debug if deployment takes "
                "longer than 10 minutes."
            )
        tell = teller(show_output=show_output)
        try:
            self._handle.wait_for_deployment(timeout_sec=timeout_sec, on_event=tell)
        except DeploymentTimeoutError as error:
            raise WebserviceException(
                f"Service polling timed out. Current state is {self.state}. Call "
                f"update_deployment_state() to see how it goes on. {error}"
            ) from error
        except DeploymentFailedError as error:
            told = json.dumps(self.error or {"message": str(error)}, indent=2)
            raise WebserviceException(
                "Service deployment polling reached non-successful terminal state, current "
                f"service state: {self.state}\nMore information can be found using '.get_logs()'\n"
                f"Error:\n{told}\n{error}"
            ) from error
        except MlmagicError as error:
            raise WebserviceException(f"{error}") from error
        print(f'{self.compute_type} service creation operation finished, operation "Succeeded"')

    def update_deployment_state(self) -> None:
        """Nothing is remembered that could be old."""

    @differs("Each shape of a service has parameters of its own")
    def update(self, *args: Any) -> None:
        """Change the named parts."""
        raise NotImplementedError(f"Update it as what it is: {type(self).__name__}.")

    def delete(self) -> None:
        """Delete it."""
        try:
            self.workspace.local.delete_service(self.name)
        except ServiceNotFoundError:
            print(f"No service with name {self.name} found to delete.")

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {
            "name": self.name,
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "state": self.state,
            "createdTime": self.created_time.isoformat(),
            "updatedTime": self.updated_time.isoformat(),
            "error": self.error,
            "computeType": self.compute_type,
            "workspaceName": self.workspace.name,
            "imageId": self.image_id,
            "imageDigest": self.image_digest,
            "scoringUri": self.scoring_uri,
            "swaggerUri": self.swagger_uri,
        }

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, "
            f"image_id={self.image_id}, image_digest={self.image_digest}, "
            f"compute_type={self.compute_type}, state={self.state}, "
            f"scoring_uri={self.scoring_uri}, tags={self.tags}, properties={self.properties}, "
            f"created_by={self.created_by})"
        )

    def _uses(self, name: str | None, model_id: str | None) -> bool:
        models = self._handle.record.spec.models
        return any(
            name in (None, each.name) and model_id in (None, each.id) for each in models
        ) or (name is None and model_id is None)

    @as_v1
    def _change(
        self,
        *,
        models: builtins.list[Any] | None = None,
        inference_config: InferenceConfig | None = None,
        config: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        wait: bool = False,
    ) -> None:
        """Bring an update of v1 to the workspace; what is None stays."""
        parts = (models, inference_config, config, tags, properties, description)
        if all(part is None for part in parts):
            raise WebserviceException("No parameters provided to update.")
        changes: dict[str, Any] = {
            "description": description,
            "tags": tags,
            "add_properties": properties or {},
            "v1_compute_type": self.compute_type,
        }
        if models is not None:
            local = self.compute_type == "Local"
            changes["models"] = tuple(
                model_references(self.workspace, models, register_paths=not local)
            )
        if inference_config is not None:
            changes["inference_config"] = inference_config.build_create_payload(
                self.workspace, self.name, []
            )
        if config:
            changes["deployment_config"] = config
        self.workspace.local.update_service(self.name, wait=wait, **changes)


def handle_of(workspace: Workspace, name: str) -> Handle:
    """Return our handle of a service, or raise v1's ``WebserviceNotFound``."""
    try:
        return workspace.local.show_service(name)
    except ServiceNotFoundError as error:
        raise WebserviceException(
            f"WebserviceNotFound: Webservice with name {name} not found in provided workspace"
        ) from error


def port_of(uri: str | None) -> int | None:
    """Return the port of an address."""
    return urlsplit(uri).port if uri else None


def _shape_of(workspace: Workspace, name: str) -> type[Webservice]:
    """Find the shape a service was deployed in; of one that is not v1's, the target's."""
    from mlmagic.azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice

    kind = handle_of(workspace, name).record.spec.compute_type
    shapes: dict[str, type[Webservice]] = {"ACI": AciWebservice, "AKS": AksWebservice}
    shapes |= {"docker": AciWebservice, "kubernetes": AksWebservice}
    return shapes.get(kind, LocalWebservice)


def _holds(facts: dict[str, str], wanted: builtins.list[Any] | None) -> bool:
    pairs = [(each, None) if isinstance(each, str) else tuple(each) for each in wanted or ()]
    return all(key in facts and value in (None, facts[key]) for key, value in pairs)


AutoScaler = refused_class("AutoScaler", _GIVEN)
DataCollection = refused_class("DataCollection", _GIVEN)
LivenessProbeRequirements = refused_class("LivenessProbeRequirements", _GIVEN)
UnknownWebservice = refused_class("UnknownWebservice", "Fetch it: Webservice(workspace, name).")
WebServiceAccessToken = refused_class("WebServiceAccessToken", "Use the keys: get_keys().")
