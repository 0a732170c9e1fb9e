"""``azureml.core.webservice.webservice``: what every shape of a service has."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from mlmagic.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
from mlmagic.azureml.core.webservice.deploying import model_references, teller
from mlmagic.azureml.core.webservice.parts import (
    AutoScaler,
    ContainerResourceRequirements,
    DataCollection,
    LivenessProbeRequirements,
)
from mlmagic.azureml.coverage import always, differs, refuse, refused_class
from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.azureml.translating import as_v1
from mlmagic.errors import (
    DeploymentFailedError,
    DeploymentTimeoutError,
    MlmagicError,
    ScoringError,
    ServiceNotFoundError,
)
from mlmagic.presentation import v1_error

if TYPE_CHECKING:
    import builtins
    from datetime import datetime

    from mlmagic.azureml.core.environment import Environment
    from mlmagic.azureml.core.model import InferenceConfig, Model
    from mlmagic.azureml.core.workspace import Workspace
    from mlmagic.entities import ServiceRecord
    from mlmagic.services import Webservice as Handle

__all__ = [
    "AutoScaler",
    "ContainerResourceRequirements",
    "DataCollection",
    "LivenessProbeRequirements",
    "Webservice",
    "WebserviceDeploymentConfiguration",
]

_KEYS = ("Primary", "Secondary")
_TYPES = ("ACI", "AKSENDPOINT", "AKS", "IOT", "MIR", "LOCAL")
NO_HEADERS = "The message of a failure has no headers"
_OLD = "Use Model.deploy, which v1 put in its place."


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
@refuse("Images are known to their target alone.", properties=("image",))
class Webservice:
    """A service; ``Webservice(workspace, name)`` has the shape it was deployed in.

    Everything it tells is looked up when it is asked, in the service's record and its target; of
    a service that is deleted, as it was.

    Raises:
        WebserviceException: v1's ``WebserviceNotFound``.
    """

    name: str
    workspace: Workspace
    compute_type: ClassVar[str] = ""

    def __new__(cls, workspace: Workspace, name: str, *_: Any, **__: Any) -> Self:
        """Choose the shape, whatever class was asked."""
        shape: Any = shape_of(workspace, name)
        made: Self = super().__new__(shape)
        if not issubclass(shape, cls):
            made.__init__(workspace, name)  # type: ignore[misc]  # Python leaves it out
        return made

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace, self.name = workspace, name
        self._handle = handle_of(workspace, name)
        self._known = self._handle.record

    @property
    def _record(self) -> ServiceRecord:
        with contextlib.suppress(ServiceNotFoundError):
            self._known = self._handle.record
        return self._known

    @staticmethod
    @differs("Local services are among them, as in the property webservices")
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
        """Return the services that match; none is known by its image."""
        if compute_type and compute_type.upper() not in _TYPES:
            raise WebserviceException(
                f'Invalid compute type "{compute_type}". Valid options are "{",".join(_TYPES)}"'
            )
        if image_name or image_id or image_digest:
            return []
        wanted = compute_type and compute_type.upper()
        found = [Webservice(workspace, name) for name in workspace.local.webservices]
        return [
            service
            for service in found
            if wanted in (None, "", service.compute_type.upper())
            and service._uses(model_name, model_id)
            and _holds(service.tags, tags)
            and _holds(service.properties, properties)
        ]

    @property
    def state(self) -> str | None:
        """The state, as it is now."""
        state = str(self._handle.state)
        return "Deleting" if state == "Deleted" else state

    @property
    def error(self) -> dict[str, Any] | None:
        """Why it failed, in v1's shape; None where it did not."""
        try:
            status = self._handle.failure or self._handle.status
        except ServiceNotFoundError:
            return None
        return v1_error(str(status.state), str(status.reason), status.message)

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
        return self._record.spec.tags

    @property
    def properties(self) -> dict[str, str]:
        """Facts."""
        return self._record.spec.properties

    @property
    def description(self) -> str | None:
        """What it is, in words."""
        return self._record.spec.description or None

    @property
    def created_time(self) -> datetime:
        """When it was made."""
        return self._record.created_at

    @property
    def updated_time(self) -> datetime:
        """When it was changed."""
        return self._record.updated_at

    created_by = always(None, "Always None: nobody is known")
    image_id = always(None, "Always None: images are known to their target alone")
    image_digest = always(None, "Always None: images are known to their target alone")

    @property
    def auth_enabled(self) -> bool:
        """Whether callers need a key."""
        return self._record.spec.config.auth == "key"

    token_auth_enabled = always(False, "Always False: there are no tokens")

    @property
    @differs("Made of what the service runs: every package with its version")
    def environment(self) -> Environment:
        """What the service runs, to look at or to deploy others with."""
        from mlmagic.azureml.core.conda_dependencies import CondaDependencies
        from mlmagic.azureml.core.environment import Environment

        spec = self._record.spec
        made = Environment(f"{self.name}-env")
        made.environment_variables = dict(spec.variables)
        made.python.conda_dependencies = CondaDependencies.create(
            python_version=spec.lock.python_version,
            pip_packages=[
                *spec.lock.index_options,
                *(
                    f"{package} @ {version}" if "/" in version else f"{package}=={version}"
                    for package, version in spec.lock.packages.items()
                ),
            ],
        )
        return made

    @property
    def models(self) -> builtins.list[Model]:
        """The registered models that it serves."""
        from mlmagic.azureml.core.model import Model

        placed = self._record.spec.models
        return [Model(self.workspace, id=each.id) for each in placed if each.version]

    @differs(NO_HEADERS)
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
            ) from None
        except MlmagicError as error:
            raise WebserviceException(f"{error}") from None

    @differs("There is one log: 'init' is not used")
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

    @differs("The lines of progress are ours; a service that was fetched is waited for too")
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
                "Tips: You can try get_logs(): https://aka.ms/debugimage#dockerlog or local "
                "deployment: https://aka.ms/debugimage#debug-locally to debug if deployment takes "
                "longer than 10 minutes."
            )
        tell = teller(show_output=show_output)
        try:
            self._handle.wait_for_deployment(timeout_sec=timeout_sec, on_event=tell)
        except DeploymentTimeoutError as error:
            raise WebserviceException(
                f"Deployment polling exceeded timeout override of {float(timeout_sec or 0)}s. "
                f"Current status: {self.state}\nDeployment may be transitioning or unhealthy, use "
                f"update_deployment_state() to fetch the latest status of the webservice\n{error}"
            ) from None
        except DeploymentFailedError as error:
            told = json.dumps(self.error or {"message": str(error)}, indent=2)
            raise WebserviceException(
                "Service deployment polling reached non-successful terminal state, current "
                f"service state: {self.state}\nMore information can be found using '.get_logs()'\n"
                f"Error:\n{told}\n{error}"
            ) from None
        except MlmagicError as error:
            raise WebserviceException(f"{error}") from None
        print(f'{self.compute_type} service creation operation finished, operation "Succeeded"')

    def update_deployment_state(self) -> None:
        """Look whether it is there; nothing else is remembered that could be old."""
        self._handle = handle_of(self.workspace, self.name)

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
            "imageDetails": None,
            "scoringUri": self.scoring_uri,
            "createdBy": self.created_by,
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
        models = self._record.spec.models
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
        description = description or None
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
    except ServiceNotFoundError:
        raise WebserviceException(
            f"WebserviceNotFound: Webservice with name {name} not found in provided workspace"
        ) from None


def port_of(uri: str | None) -> int | None:
    """Return the port of an address."""
    return urlsplit(uri).port if uri else None


def shape_of(workspace: Workspace, name: str) -> type[Webservice]:
    """Find the shape a service was deployed in; of one that is not v1's, the target's."""
    from mlmagic.azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice

    kind = handle_of(workspace, name).record.spec.compute_type
    shapes: dict[str, type[Webservice]] = {"ACI": AciWebservice, "AKS": AksWebservice}
    shapes |= {"docker": AciWebservice, "kubernetes": AksWebservice}
    return shapes.get(kind, LocalWebservice)


def told_of(facts: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """Say what is replaced, of tags and of properties in the same words as v1."""
    for key, value in new.items():
        if key in facts:
            print(f"Replacing tag {key} -> {facts[key]} with {key} -> {value}")
    return new


def _holds(facts: dict[str, str], wanted: builtins.list[Any] | None) -> bool:
    pairs = [(each, None) if isinstance(each, str) else tuple(each) for each in wanted or ()]
    return all(key in facts and value in (None, facts[key]) for key, value in pairs)


UnknownWebservice = refused_class("UnknownWebservice", "Fetch it: Webservice(workspace, name).")
WebServiceAccessToken = refused_class("WebServiceAccessToken", "Use the keys: get_keys().")
