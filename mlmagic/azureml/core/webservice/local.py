"""``azureml.core.webservice.local``: a service of this machine, with v1's words for its state."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from mlmagic.azureml.core.model import InferenceConfig
from mlmagic.azureml.core.webservice.configuration import WebserviceDeploymentConfiguration
from mlmagic.azureml.core.webservice.webservice import Webservice, port_of, shape_of
from mlmagic.azureml.coverage import differs
from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.azureml.translating import as_v1
from mlmagic.entities import Reason, ServiceState
from mlmagic.errors import DeploymentFailedError, MlmagicError, ServiceNotFoundError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable

    from mlmagic.azureml.core.workspace import Workspace

F = TypeVar("F", bound="Callable[..., Any]")
_PORTS = range(1, 65536)
_DEPLOYING, _RUNNING, _FAILED = "deploying", "running", "failed"
_DELETED, _UNKNOWN = "deleted", "unknown"


def _in_state(*states: str) -> Callable[[F], F]:
    """Guard a method by the states in which v1 allowed it."""

    def guard(method: F) -> F:
        @functools.wraps(method)
        def call(self: LocalWebservice, *args: Any, **kwargs: Any) -> Any:
            state = self.state
            if state not in states:
                raise WebserviceException(
                    f"Cannot call {method.__name__}() when service is {state}."
                )
            return method(self, *args, **kwargs)

        return cast("F", call)

    return guard


class LocalWebserviceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """A port, or None for a free one."""

    _compute_type: ClassVar[str] = "local"
    _keys: ClassVar[dict[str, str]] = {"port": "port", "_auth_enabled": "authEnabled"} | {
        "_threads": "maxConcurrentRequestsPerContainer"
    }
    # As v1: no keys, and one request at a time.
    _auth_enabled = False
    _threads = 1
    port: int | None

    def __init__(self, port: int | None = None) -> None:
        self.port = port
        super().__init__(LocalWebservice)

    def validate_configuration(self) -> None:
        """Check the port."""
        port: Any = self.port
        if port and not (isinstance(port, int) and port in _PORTS):
            raise WebserviceException(
                "Invalid configuration, port must be an integer in range [1, 65535]"
            )


@differs("A process of this machine, never a container; AciWebservice is one")
class LocalWebservice(Webservice):
    """A service of this machine, for trying; it outlives the notebook."""

    STATE_DELETED = _DELETED
    STATE_DEPLOYING = _DEPLOYING
    STATE_FAILED = _FAILED
    STATE_RUNNING = _RUNNING
    STATE_UNKNOWN = _UNKNOWN
    NETWORK_NAME = "azureml-local"
    compute_type: ClassVar[str] = "Local"

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Choose no other shape: local services are found by this class alone."""
        return object.__new__(cls)

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        must_exist: bool = True,
    ) -> None:
        self._deleted = False
        self.workspace, self.name = workspace, name
        try:
            if not issubclass(shape_of(workspace, name), LocalWebservice):
                raise WebserviceException(f"WebserviceNotFound: No local service with name {name}")
            super().__init__(workspace, name)
        except WebserviceException:
            if must_exist:
                raise

    @staticmethod
    def deploy_configuration(port: int | None = None) -> LocalWebserviceDeploymentConfiguration:
        """Say which port to listen on."""
        return LocalWebserviceDeploymentConfiguration(port)

    @staticmethod
    def list(  # type: ignore[override]
        workspace: Workspace,
        model_name: str | None = None,
        model_id: str | None = None,
        all: bool | None = None,
    ) -> builtins.list[LocalWebservice]:
        """Return the local services; those that do not run only where ``all`` is given."""
        found = [
            service
            for service in Webservice.list(workspace, model_name=model_name, model_id=model_id)
            if isinstance(service, LocalWebservice)
        ]
        return [service for service in found if all or service.state == _RUNNING]

    @property
    @differs("Looked up when it is asked, not remembered")
    def state(self) -> str:
        """``deploying``, ``running``, ``failed``, ``deleted`` or ``unknown``."""
        if self._deleted:
            return _DELETED
        try:
            status = self._handle.status
        except (ServiceNotFoundError, AttributeError):
            return _UNKNOWN
        if status.state is ServiceState.TRANSITIONING:
            return _DEPLOYING
        healthy = status.state in (ServiceState.HEALTHY, ServiceState.UNHEALTHY)
        return _RUNNING if healthy and status.reason is not Reason.STOPPED else _FAILED

    @property
    def port(self) -> int | None:
        """The port it listens on."""
        return port_of(self._handle.internal_uri)

    @property
    def scoring_uri(self) -> str | None:
        """Where this machine scores."""
        return f"http://localhost:{self.port}/score" if self.port else None

    @property
    def swagger_uri(self) -> str | None:
        """Where the description of the service is."""
        return super().swagger_uri

    @_in_state(_DEPLOYING, _RUNNING)
    @differs("Not a line about a container's health: there is none")
    def wait_for_deployment(  # type: ignore[override]
        self,
        show_output: bool = False,
    ) -> None:
        """Wait until it answers."""
        from mlmagic.azureml.core.webservice.deploying import teller

        try:
            self._handle.wait_for_deployment(on_event=teller(show_output=show_output))
        except DeploymentFailedError as error:
            print(self._handle.get_logs(200))
            raise WebserviceException(
                f"Error: Container has crashed. Did your init method fail?\n{error}"
            ) from None
        print(f"Local webservice is {self.state} at http://localhost:{self.port}")

    @_in_state(_DEPLOYING, _RUNNING)
    @differs("The message of a failure says more than v1's")
    def run(self, input_data: Any) -> Any:
        """Score data, and return the decoded answer; waits while it is deploying."""
        if self.state == _DEPLOYING:
            self.wait_for_deployment()
        try:
            return self._handle.run(input_data)
        except MlmagicError as error:
            raise WebserviceException(f"Error: Scoring was unsuccessful. {error}") from None

    @_in_state(_DEPLOYING, _FAILED, _RUNNING)
    def get_logs(
        self,
        num_lines: int = 5000,
        raw: bool = False,
    ) -> str:
        """Return the end of the log."""
        return super().get_logs(num_lines)

    @_in_state(_DEPLOYING, _FAILED, _RUNNING)
    def reload(self, wait: bool = False) -> None:
        """Take the script and its files anew."""
        as_v1(self._handle.reload)()
        if wait:
            self.wait_for_deployment()

    @_in_state(_DEPLOYING, _FAILED, _RUNNING)
    @differs("An unknown service is not made: Model.deploy does that")
    def update(
        self,
        models: builtins.list[Any] | None = None,
        image_config: object = None,
        deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
        wait: bool = False,
        inference_config: InferenceConfig | None = None,
    ) -> None:
        """Change models, script, environment or port."""
        words = "in order to update a local service."
        if image_config is not None:
            raise WebserviceException(
                f"Error, image configurations are not known here: give an InferenceConfig {words}"
            )
        if deployment_config is not None and not isinstance(
            deployment_config, LocalWebserviceDeploymentConfiguration
        ):
            raise WebserviceException(
                "Error, provided deployment configuration must be of type "
                f"LocalWebserviceDeploymentConfiguration {words}"
            )
        if inference_config is not None and not isinstance(inference_config, InferenceConfig):
            raise WebserviceException(
                f"Error, provided inference configuration must be of type InferenceConfig {words}"
            )
        config = deployment_config._to_keys() if deployment_config else None
        if models is None and inference_config is None and config is None:
            self.reload()  # as in v1, which built and started it anew
        else:
            self._change(models=models, inference_config=inference_config, config=config)
        if wait:
            self.wait_for_deployment()

    @_in_state(_DEPLOYING, _FAILED, _RUNNING)
    @differs("There is no cache, image or volume to keep")
    def delete(
        self,
        delete_cache: bool = True,
        delete_image: bool = False,
        delete_volume: bool = True,
    ) -> None:
        """Delete it."""
        super().delete()
        self._deleted = True

    def update_deployment_state(
        self,
        must_exist: bool = False,
    ) -> None:
        """Nothing is remembered that could be old."""
        self.__init__(self.workspace, self.name, must_exist)  # type: ignore[misc]

    @differs("The packages are pinned as they are in the local service; there is no base image")
    def deploy_to_cloud(
        self,
        name: str | None = None,
        deployment_config: WebserviceDeploymentConfiguration | None = None,
        deployment_target: Any = None,
    ) -> Webservice:
        """Deploy the same models and script to another target."""
        from mlmagic.azureml.core.webservice.deploying import deploy

        revision = self._record.revision(self._record.current)
        inference = InferenceConfig(
            revision.script_path,
            source_directory=revision.source_directory,
            environment=self.environment,
        )
        return deploy(
            self.workspace,
            name or self.name,
            [each.id if each.version else each.name for each in revision.spec.models],
            inference,
            deployment_config,
            deployment_target,
            overwrite=False,
            show_output=False,
        )

    def get_keys(self) -> tuple[str, str]:
        """Say that there are none, as v1 did."""
        raise NotImplementedError("Local web services do not support auth keys.")

    def regen_key(self, key: str) -> None:  # type: ignore[override]
        """Say that there are none, as v1 did."""
        raise NotImplementedError("Local web services do not support auth keys.")

    def get_token(self) -> None:
        """Say that there are none, as v1 did."""
        raise NotImplementedError("Local web services do not support Token Authentication.")

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        whole = {**super().serialize(), "swaggerUri": self.swagger_uri, "port": self.port}
        left_out = {"description", "imageDigest", "imageDetails", "createdBy"}
        return {key: value for key, value in whole.items() if key not in left_out}
