"""``azureml.core.webservice.aks``: the shape of a service on a cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from mlmagic.azureml.core.webservice.aci import AciWebservice, sizes_of
from mlmagic.azureml.core.webservice.configuration import (
    WebserviceDeploymentConfiguration,
    positive,
)
from mlmagic.azureml.core.webservice.parts import (
    AutoScaler,
    ContainerResourceRequirements,
    DataCollection,
    LivenessProbeRequirements,
)
from mlmagic.azureml.core.webservice.webservice import NO_HEADERS, Webservice, told_of
from mlmagic.azureml.coverage import (
    NO_VERSIONS,
    always,
    differs,
    differs_in,
    of_the_files,
    refuse,
    refused_class,
)
from mlmagic.azureml.exceptions import WebserviceException
from mlmagic.configurations import collection

if TYPE_CHECKING:
    from mlmagic.azureml.core.model import InferenceConfig

_NAMESPACE = r"^[a-z0-9]([a-z0-9-]{,61}[a-z0-9])?$"
_KEYS = {
    "autoscale_enabled": "autoScaler.autoscaleEnabled",
    "autoscale_min_replicas": "autoScaler.minReplicas",
    "autoscale_max_replicas": "autoScaler.maxReplicas",
    "autoscale_refresh_seconds": "autoScaler.refreshPeriodInSeconds",
    "autoscale_target_utilization": "autoScaler.targetUtilization",
    "collect_model_data": "dataCollection.storageEnabled",
    "auth_enabled": "authEnabled",
    "cpu_cores": "containerResourceRequirements.cpu",
    "cpu_cores_limit": "containerResourceRequirements.cpuLimit",
    "memory_gb": "containerResourceRequirements.memoryInGB",
    "memory_gb_limit": "containerResourceRequirements.memoryInGBLimit",
    "enable_app_insights": "appInsightsEnabled",
    "scoring_timeout_ms": "scoringTimeoutMs",
    "replica_max_concurrent_requests": "maxConcurrentRequestsPerContainer",
    "max_request_wait_time": "maxQueueWaitMs",
    "num_replicas": "numReplicas",
    "gpu_cores": "gpuCores",
    "period_seconds": "livenessProbeRequirements.periodSeconds",
    "initial_delay_seconds": "livenessProbeRequirements.initialDelaySeconds",
    "timeout_seconds": "livenessProbeRequirements.timeoutSeconds",
    "success_threshold": "livenessProbeRequirements.successThreshold",
    "failure_threshold": "livenessProbeRequirements.failureThreshold",
    "namespace": "namespace",
    "token_auth_enabled": "tokenAuthEnabled",
    "compute_target_name": "computeTargetName",
    "blobfuse_enabled": "blobfuseEnabled",
}
_ABOVE_ZERO = (
    "period_seconds", "initial_delay_seconds", "timeout_seconds", "success_threshold",
    "failure_threshold",
)  # fmt: skip
_SCALING = (
    "autoscale_min_replicas", "autoscale_max_replicas", "autoscale_refresh_seconds",
    "autoscale_target_utilization",
)  # fmt: skip
_REST = ("scoring_timeout_ms", "replica_max_concurrent_requests", "max_request_wait_time",
         "num_replicas")  # fmt: skip

_PARAMETERS = (*_KEYS, "primary_key", "secondary_key", "tags", "properties", "description")
_OF_ENDPOINTS = "Always None: there are no endpoints with versions"
_CONFIGURATION = (
    "Without cpu_cores and memory_gb there is no limit, where v1 had 0.1 and 0.5; tokens are "
    "refused by Model.deploy"
)
AksEndpoint = refused_class("AksEndpoint", NO_VERSIONS)
AksEndpointDeploymentConfiguration = refused_class(
    "AksEndpointDeploymentConfiguration", NO_VERSIONS
)
AksServiceAccessToken = refused_class("AksServiceAccessToken", "Use the keys: get_keys().")

_NOTES = {key: note for key, note in of_the_files("deployment").items() if key in _KEYS} | {
    "token_auth_enabled": "Refused by Model.deploy: only keys are issued",
    "autoscale_enabled": "One replica where nothing is said, where v1 scaled between 1 and 10",
}


@differs(_CONFIGURATION)
@differs_in(_NOTES)
class AksServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """Sizes, scaling, probes and authentication of a service on a cluster."""

    _compute_type: ClassVar[str] = "aks"
    _keys: ClassVar[dict[str, str]] = _KEYS
    autoscale_enabled: bool | None
    autoscale_min_replicas: int | None
    autoscale_max_replicas: int | None
    autoscale_refresh_seconds: int | None
    autoscale_target_utilization: int | None
    collect_model_data: bool | None
    auth_enabled: bool | None
    cpu_cores: float | None
    memory_gb: float | None
    enable_app_insights: bool | None
    scoring_timeout_ms: int | None
    replica_max_concurrent_requests: int | None
    max_request_wait_time: int | None
    num_replicas: int | None
    gpu_cores: int | None
    period_seconds: int | None
    initial_delay_seconds: int | None
    timeout_seconds: int | None
    success_threshold: int | None
    failure_threshold: int | None
    namespace: str | None
    token_auth_enabled: bool | None
    compute_target_name: str | None
    cpu_cores_limit: float | None
    memory_gb_limit: float | None
    blobfuse_enabled: bool | None

    def __init__(
        self,
        autoscale_enabled: bool | None,
        autoscale_min_replicas: int | None,
        autoscale_max_replicas: int | None,
        autoscale_refresh_seconds: int | None,
        autoscale_target_utilization: int | None,
        collect_model_data: bool | None,
        auth_enabled: bool | None,
        cpu_cores: float | None,
        memory_gb: float | None,
        enable_app_insights: bool | None,
        scoring_timeout_ms: int | None,
        replica_max_concurrent_requests: int | None,
        max_request_wait_time: int | None,
        num_replicas: int | None,
        primary_key: str | None,
        secondary_key: str | None,
        tags: dict[str, str] | None,
        properties: dict[str, str] | None,
        description: str | None,
        gpu_cores: int | None,
        period_seconds: int | None,
        initial_delay_seconds: int | None,
        timeout_seconds: int | None,
        success_threshold: int | None,
        failure_threshold: int | None,
        namespace: str | None,
        token_auth_enabled: bool | None,
        compute_target_name: str | None,
        cpu_cores_limit: float | None,
        memory_gb_limit: float | None,
        blobfuse_enabled: bool | None = None,
    ) -> None:
        fields = {key: value for key, value in locals().items() if key not in {"self", "__class__"}}
        super().__init__(AksWebservice, **fields)

    def validate_configuration(self) -> None:
        """Check everything, and say all that is wrong at once."""
        wrong = [
            *positive(self, ("cpu_cores",), "greater than zero"),
            *self._limit("cpu_cores"),
            *positive(self, ("memory_gb",), "greater than zero"),
            *self._limit("memory_gb"),
        ]
        if self._given("gpu_cores") is not None and self._given("gpu_cores") < 0:
            wrong.append("Invalid configuration, gpu_cores must be greater than or equal to zero.")
        wrong += positive(self, _ABOVE_ZERO, "greater than zero")
        namespace = self._given("namespace")
        if namespace and not re.match(_NAMESPACE, namespace):
            wrong.append(
                "Invalid configuration, namespace must be a valid Kubernetes namespace. "
                f"Regex for validation is {_NAMESPACE}"
            )
        wrong += positive(self, _REST, "greater than zero")
        wrong += self._scaling()
        if self._given("token_auth_enabled") and self._given("auth_enabled"):
            wrong.append(
                "Invalid configuration, auth_enabled and token_auth_enabled cannot both be true."
            )
        if wrong:
            raise WebserviceException("".join(f"{line}\n" for line in wrong))

    def _given(self, name: str) -> Any:
        return getattr(self, name)

    def _limit(self, name: str) -> list[str]:
        asked, limit = self._given(name), self._given(f"{name}_limit")
        if asked is None or limit is None or limit >= asked:
            return []
        return [f"Invalid configuration, {name}_limit must be greater than or equal to {name}."]

    def _scaling(self) -> list[str]:
        enabled, replicas = self._given("autoscale_enabled"), self._given("num_replicas")
        if not enabled:
            wrong = [
                f"Invalid configuration, {name} provided without enabling autoscaling."
                for name in _SCALING
                if self._given(name)
            ]
            if enabled is False and not replicas:
                wrong.insert(
                    0,
                    "Invalid configuration, autoscale disabled but num_replicas not provided.",
                )
            return wrong
        wrong = positive(self, _SCALING[:2], "greater than zero")
        if replicas:
            wrong.insert(0, "Invalid configuration, autoscale enabled and num_replicas provided.")
        low, high = self._given(_SCALING[0]), self._given(_SCALING[1])
        if low and high and low > high:
            wrong.append(
                "Invalid configuration, autoscale_min_replicas cannot be greater than "
                "autoscale_max_replicas."
            )
        return wrong + positive(self, _SCALING[2:], "greater than zero")

    def _to_keys(self) -> dict[str, Any]:
        """Return what is given; without a word on it one request at a time, as in v1."""
        keys = super()._to_keys()
        keys.setdefault("maxConcurrentRequestsPerContainer", 1)
        return keys


@refuse("Use the keys: get_keys().", "get_token", "get_access_token")
@differs("Pods of an attached cluster; 'aks_target' in mlmagic.toml names another target")
class AksWebservice(Webservice):
    """A service on a cluster."""

    compute_type: ClassVar[str] = "AKS"

    add_tags = AciWebservice.add_tags
    remove_tags = AciWebservice.remove_tags

    @staticmethod
    @differs(_CONFIGURATION)
    def deploy_configuration(
        autoscale_enabled: bool | None = None,
        autoscale_min_replicas: int | None = None,
        autoscale_max_replicas: int | None = None,
        autoscale_refresh_seconds: int | None = None,
        autoscale_target_utilization: int | None = None,
        collect_model_data: bool | None = None,
        auth_enabled: bool | None = None,
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        enable_app_insights: bool | None = None,
        scoring_timeout_ms: int | None = None,
        replica_max_concurrent_requests: int | None = None,
        max_request_wait_time: int | None = None,
        num_replicas: int | None = None,
        primary_key: str | None = None,
        secondary_key: str | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        gpu_cores: int | None = None,
        period_seconds: int | None = None,
        initial_delay_seconds: int | None = None,
        timeout_seconds: int | None = None,
        success_threshold: int | None = None,
        failure_threshold: int | None = None,
        namespace: str | None = None,
        token_auth_enabled: bool | None = None,
        compute_target_name: str | None = None,
        cpu_cores_limit: float | None = None,
        memory_gb_limit: float | None = None,
        blobfuse_enabled: bool | None = None,
    ) -> AksServiceDeploymentConfiguration:
        """Say how a service on a cluster runs."""
        return AksServiceDeploymentConfiguration(**locals())

    @property
    def container_resource_requirements(self) -> ContainerResourceRequirements:
        """The sizes, as they were given."""
        return sizes_of(self)

    deployment_status = always(None, "Always None: the state says it")
    enable_app_insights = always(False, "Always False: logs and metrics are the service's own")
    is_default = always(None, _OF_ENDPOINTS)
    traffic_percentile = always(None, _OF_ENDPOINTS)
    version_type = always(None, _OF_ENDPOINTS)

    @property
    def _config(self) -> Any:
        return self._record.spec.config

    @property
    @differs("None where the number of replicas is fixed")
    def autoscaler(self) -> AutoScaler | None:
        """Between how many replicas it is scaled."""
        least = getattr(self._config, "autoscale_min", None)
        most = getattr(self._config, "autoscale_max", None)
        if least is None and most is None:
            return None
        return AutoScaler(True, most, least, None, self._config.autoscale_target)

    @property
    @differs("v1's defaults on targets without probes")
    def liveness_probe_requirements(self) -> LivenessProbeRequirements:
        """When a replica counts as hung; v1's defaults where the target has no probes."""
        config = self._config
        if not hasattr(config, "liveness_period_seconds"):
            return LivenessProbeRequirements.deserialize(None)
        return LivenessProbeRequirements(
            config.liveness_period_seconds,
            config.liveness_delay_seconds,
            config.liveness_timeout_seconds,
            1,
            config.liveness_failures,
        )

    @property
    def data_collection(self) -> DataCollection:
        """Whether inputs and predictions are kept."""
        variables = self._record.spec.variables.items()
        return DataCollection(False, collection(enabled=True).items() <= variables)

    @property
    @differs("None on a target that is no cluster")
    def namespace(self) -> str | None:
        """Where in the cluster it is."""
        return getattr(self._config, "namespace", None)

    @property
    def max_request_wait_time(self) -> int | None:
        """Milliseconds that a request may wait."""
        return self._record.spec.config.queue_wait_ms

    @property
    def compute_name(self) -> str:
        """The target it runs on."""
        return self._record.target

    @property
    def num_replicas(self) -> int:
        """How many replicas are wanted."""
        return self._handle.status.replicas_wanted

    @property
    def scoring_timeout_ms(self) -> int:
        """Milliseconds until a request is given up."""
        return self._record.spec.config.scoring_timeout_ms

    @property
    def max_concurrent_requests_per_container(self) -> int | None:
        """Requests that a replica scores at a time."""
        return self._record.spec.config.threads

    @differs(NO_HEADERS)
    def run(self, input_data: Any) -> Any:
        """Score data, and return the decoded answer."""
        return super().run(input_data)

    @differs("What the target has no option for is left out, and said; tokens are refused")
    def update(  # type: ignore[override]
        self,
        image: object = None,
        autoscale_enabled: bool | None = None,
        autoscale_min_replicas: int | None = None,
        autoscale_max_replicas: int | None = None,
        autoscale_refresh_seconds: int | None = None,
        autoscale_target_utilization: int | None = None,
        collect_model_data: bool | None = None,
        auth_enabled: bool | None = None,
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        enable_app_insights: bool | None = None,
        scoring_timeout_ms: int | None = None,
        replica_max_concurrent_requests: int | None = None,
        max_request_wait_time: int | None = None,
        num_replicas: int | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        models: list[Any] | None = None,
        inference_config: InferenceConfig | None = None,
        gpu_cores: int | None = None,
        period_seconds: int | None = None,
        initial_delay_seconds: int | None = None,
        timeout_seconds: int | None = None,
        success_threshold: int | None = None,
        failure_threshold: int | None = None,
        namespace: str | None = None,
        token_auth_enabled: bool | None = None,
        cpu_cores_limit: float | None = None,
        memory_gb_limit: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Change the named parts; what is None stays."""
        given = locals()
        if image is not None or kwargs:
            raise NotImplementedError(
                "An image, or another cluster, cannot be given to a service here: update models "
                "and inference_config, or deploy to the other target."
            )
        try:
            AksServiceDeploymentConfiguration(**{name: given.get(name) for name in _PARAMETERS})
        except WebserviceException as error:
            words = error.message.replace("Invalid configuration,", "Error,")
            raise WebserviceException(words) from None
        self._change(
            models=models,
            inference_config=inference_config,
            config=changed_keys(given) or None,
            tags=tags,
            properties=properties,
            description=description,
        )

    def add_properties(self, properties: dict[str, str]) -> None:
        """Add properties."""
        self._change(properties=told_of(self.properties, properties))
        print("Webservice property add operation complete.")

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        scaler = self.autoscaler
        return {
            **super().serialize(),
            "appInsightsEnabled": self.enable_app_insights,
            "authEnabled": self.auth_enabled,
            "autoScaler": scaler.serialize() if scaler else None,
            "computeName": self.compute_name,
            "containerResourceRequirements": self.container_resource_requirements.serialize(),
            "dataCollection": self.data_collection.serialize(),
            "maxConcurrentRequestsPerContainer": self.max_concurrent_requests_per_container,
            "maxQueueWaitMs": self.max_request_wait_time,
            "livenessProbeRequirements": self.liveness_probe_requirements.serialize(),
            "numReplicas": self.num_replicas,
            "deploymentStatus": self.deployment_status,
            "scoringTimeoutMs": self.scoring_timeout_ms,
            "aadAuthEnabled": self.token_auth_enabled,
            "environmentDetails": None,
            "modelDetails": [model.serialize() for model in self.models],
            "isDefault": self.is_default,
            "trafficPercentile": self.traffic_percentile,
            "versionType": self.version_type,
        }


def changed_keys(given: dict[str, Any]) -> dict[str, Any]:
    """Return what an update names, under the keys of a configuration file."""
    config: dict[str, Any] = {}
    for name, key in _KEYS.items():
        if given.get(name) is not None:
            head, _, last = key.partition(".")
            if last:
                config.setdefault(head, {})[last] = given[name]
            else:
                config[head] = given[name]
    return config
