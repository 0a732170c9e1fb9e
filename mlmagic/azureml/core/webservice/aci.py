"""``azureml.core.webservice.aci``: the shape of a service in a container."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from mlmagic.azureml.core.webservice.configuration import (
    WebserviceDeploymentConfiguration,
    positive,
)
from mlmagic.azureml.core.webservice.parts import ContainerResourceRequirements
from mlmagic.azureml.core.webservice.webservice import NO_HEADERS, Webservice, told_of
from mlmagic.azureml.coverage import (
    always,
    differs,
    differs_in,
    of_the_files,
    refuse,
    refused_class,
)
from mlmagic.azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from mlmagic.azureml.core.model import InferenceConfig

_CONFIGURATION = (
    "Without cpu_cores and memory_gb there is no limit, where v1 had 0.1 and 0.5; TLS, networks "
    "and keys of a vault are refused by Model.deploy"
)
_TLS = "Never set: put a proxy with the certificate in front"
_KEYS = {
    "cpu_cores": "containerResourceRequirements.cpu",
    "memory_gb": "containerResourceRequirements.memoryInGB",
    "location": "location",
    "auth_enabled": "authEnabled",
    "ssl_enabled": "sslEnabled",
    "ssl_cert_pem_file": "sslCertificate",
    "ssl_key_pem_file": "sslKey",
    "ssl_cname": "cname",
    "enable_app_insights": "appInsightsEnabled",
    "dns_name_label": "dnsNameLabel",
    "cmk_vault_base_url": "vaultBaseUrl",
    "cmk_key_name": "keyName",
    "cmk_key_version": "keyVersion",
    "vnet_name": "vnetName",
    "subnet_name": "subnetName",
    "collect_model_data": "dataCollection.storageEnabled",
    "_threads": "maxConcurrentRequestsPerContainer",
}

_NOTES = {key: note for key, note in of_the_files("deployment").items() if key in _KEYS}


@differs(_CONFIGURATION)
@differs_in(_NOTES)
class AciServiceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """Sizes, authentication and names of a service in a container."""

    _compute_type: ClassVar[str] = "aci"
    _keys: ClassVar[dict[str, str]] = _KEYS
    _threads = 1  # as v1: one request at a time

    def __init__(
        self,
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        location: str | None = None,
        auth_enabled: bool | None = None,
        ssl_enabled: bool | None = None,
        enable_app_insights: bool | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        ssl_cname: str | None = None,
        dns_name_label: str | None = None,
        primary_key: str | None = None,
        secondary_key: str | None = None,
        collect_model_data: bool | None = None,
        cmk_vault_base_url: str | None = None,
        cmk_key_name: str | None = None,
        cmk_key_version: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
    ) -> None:
        fields = {key: value for key, value in locals().items() if key not in {"self", "__class__"}}
        super().__init__(AciWebservice, **fields)

    enable_app_insights: bool | None
    dns_name_label: str | None
    collect_model_data: bool | None
    cpu_cores: float | None
    memory_gb: float | None
    auth_enabled: bool | None
    ssl_enabled: bool | None
    ssl_cert_pem_file: str | None
    ssl_key_pem_file: str | None
    ssl_cname: str | None
    cmk_vault_base_url: str | None
    cmk_key_name: str | None
    cmk_key_version: str | None
    vnet_name: str | None
    subnet_name: str | None

    def validate_configuration(self) -> None:
        """Check sizes, and parts that belong together."""
        if wrong := positive(self, ("cpu_cores", "memory_gb"), "positive"):
            raise WebserviceException(wrong[0])
        if self.ssl_enabled:
            self._check_tls()
        key = (self.cmk_vault_base_url, self.cmk_key_name, self.cmk_key_version)
        if any(key) and not all(key):
            raise WebserviceException(
                "customer managed key vault_base_url, key_name and key_version must all have "
                "values or all are empty/null"
            )
        if bool(self.vnet_name) != bool(self.subnet_name):
            raise WebserviceException(
                "vnet_name and subnet_name must all have values or both are empty/null"
            )

    def _check_tls(self) -> None:
        files = {"cert": self.ssl_cert_pem_file, "key": self.ssl_key_pem_file}
        if not all(files.values()) or not self.ssl_cname:
            raise WebserviceException(
                "SSL is enabled, you must provide a SSL certificate, key, and cname."
            )
        for what, file in files.items():
            if not Path(file or "").exists():
                raise WebserviceException(
                    f"Error, unable to find SSL {what} pem file provided paths:\n{file}"
                )

    def _to_keys(self) -> dict[str, Any]:
        """Return what is given; without a word on authentication there is none, as in v1."""
        keys = super()._to_keys()
        keys.setdefault("authEnabled", False)
        return keys


def sizes_of(service: Webservice) -> ContainerResourceRequirements:
    """Return the sizes of a service, in v1's units."""
    from mlmagic.configurations import cpu_cores, memory_bytes

    config = service._record.spec.config
    cores = (config.cpu, getattr(config, "cpu_limit", None))
    memory = (config.memory, getattr(config, "memory_limit", None))
    cpu, cpu_limit = (cpu_cores(each) if each else None for each in cores)
    gigabytes, limit = (memory_bytes(each) / 1e9 if each else None for each in memory)
    gpu = sum(getattr(config, "accelerators", {}).values()) or None
    return ContainerResourceRequirements(cpu, gigabytes, gpu, cpu_limit, limit)


@refuse("Use the keys: get_keys().", "get_token")
@differs("A container of this machine's engine; 'aci_target' in mlmagic.toml names another target")
class AciWebservice(Webservice):
    """A service in a container."""

    compute_type: ClassVar[str] = "ACI"

    @staticmethod
    @differs(_CONFIGURATION)
    def deploy_configuration(
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        location: str | None = None,
        auth_enabled: bool | None = None,
        ssl_enabled: bool | None = None,
        enable_app_insights: bool | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        ssl_cname: str | None = None,
        dns_name_label: str | None = None,
        primary_key: str | None = None,
        secondary_key: str | None = None,
        collect_model_data: bool | None = None,
        cmk_vault_base_url: str | None = None,
        cmk_key_name: str | None = None,
        cmk_key_version: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
    ) -> AciServiceDeploymentConfiguration:
        """Say how a service in a container runs."""
        return AciServiceDeploymentConfiguration(**locals())

    @property
    def container_resource_requirements(self) -> ContainerResourceRequirements:
        """The sizes, as they were given."""
        return sizes_of(self)

    enable_app_insights = always(False, "Always False: logs and metrics are the service's own")
    ssl_enabled = always(False, _TLS)
    ssl_certificate = always(None, _TLS)
    ssl_key = always(None, _TLS)
    cname = always(None, _TLS)
    encryption_properties = always(None, "Always None: the disk of the machine is what it is")
    vnet_configuration = always(None, "Always None: a network is the target's")

    @property
    @differs("Where the workspace is: 'local'")
    def location(self) -> str:
        """Where it is."""
        return self.workspace.location

    @property
    @differs("The host of the scoring address")
    def public_ip(self) -> str | None:
        """The host that answers."""
        return urlsplit(self.scoring_uri or "").hostname

    @property
    @differs("The host of the scoring address")
    def public_fqdn(self) -> str | None:
        """The host that answers."""
        return self.public_ip

    @differs(NO_HEADERS)
    def run(self, input_data: Any) -> Any:
        """Score data, and return the decoded answer."""
        return super().run(input_data)

    @differs("TLS is refused, insights are not changed, an image cannot be given")
    def update(
        self,
        image: object = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        auth_enabled: bool | None = None,
        ssl_enabled: bool | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        ssl_cname: str | None = None,
        enable_app_insights: bool | None = None,
        models: list[Any] | None = None,
        inference_config: InferenceConfig | None = None,
    ) -> None:
        """Change the named parts; what is None stays."""
        if image is not None or any((ssl_enabled, ssl_cert_pem_file, ssl_key_pem_file, ssl_cname)):
            raise NotImplementedError(
                "An image, or TLS, cannot be given to a service here: update models and "
                "inference_config, and put a proxy in front."
            )
        given = {"authEnabled": auth_enabled, "appInsightsEnabled": enable_app_insights}
        config = {key: value for key, value in given.items() if value is not None}
        self._change(
            models=models,
            inference_config=inference_config,
            config=config or None,
            tags=tags,
            properties=properties,
            description=description,
        )

    def add_tags(self, tags: dict[str, str]) -> None:
        """Set tags."""
        self._change(tags={**self.tags, **told_of(self.tags, tags)})
        print("Webservice tag add operation complete.")

    def remove_tags(self, tags: list[str] | str) -> None:
        """Take tags away."""
        tags = [tags] if isinstance(tags, str) else tags
        for key in tags:
            if key not in self.tags:
                print(f"Tag with key {key} not found.")
        self._change(tags={key: value for key, value in self.tags.items() if key not in tags})
        print("Webservice tag remove operation complete.")

    def add_properties(self, properties: dict[str, str]) -> None:
        """Add properties."""
        self._change(properties=told_of(self.properties, properties))
        print("Webservice add properties operation complete.")

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        return {
            **super().serialize(),
            "containerResourceRequirements": self.container_resource_requirements.serialize(),
            "location": self.location,
            "authEnabled": self.auth_enabled,
            "sslEnabled": self.ssl_enabled,
            "appInsightsEnabled": self.enable_app_insights,
            "sslCertificate": self.ssl_certificate,
            "sslKey": self.ssl_key,
            "cname": self.cname,
            "publicIp": self.public_ip,
            "publicFqdn": self.public_fqdn,
            "environmentDetails": None,
            "modelDetails": [model.serialize() for model in self.models],
            "encryptionProperties": self.encryption_properties,
            "vnetConfiguration": self.vnet_configuration,
        }


EncryptionProperties = refused_class("EncryptionProperties", "Encrypt the disk of the machine.")
VnetConfiguration = refused_class(
    "VnetConfiguration", "Join a network: 'mlmagic deploy --network'."
)
