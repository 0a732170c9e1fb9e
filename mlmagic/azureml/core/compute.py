"""``azureml.core.compute``: the targets that services can run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mlmagic.azureml.coverage import always, differs, refuse, refused_class
from mlmagic.azureml.exceptions import ComputeTargetException
from mlmagic.azureml.translating import as_v1

if TYPE_CHECKING:
    import builtins
    from datetime import datetime

    from mlmagic.azureml.core.workspace import Workspace

__path__: list[str] = []  # v1 had modules below it, which the finder takes for this one
_ATTACH = "Attach a cluster with 'mlmagic computetarget attach'."
_CLUSTERS = "Always None: the cluster's own tools tell it"
_PROXY = "Put a proxy with the certificate in front."
_RESOURCE_PARTS = 9  # /subscriptions/S/resourceGroups/G/providers/P/managedClusters/NAME
_TRAIN = "Run the notebook or the script on this machine: 'mlmagic run'."


@refuse(_PROXY, "enable_ssl")
@dataclass(frozen=True)
class AksAttachConfiguration:
    """Which cluster is meant.

    Attributes:
        cluster_name: Its name, which is the context's that ``az aks get-credentials`` wrote.
    """

    cluster_name: str


@refuse(_PROXY, "enable_ssl")
@dataclass(frozen=True)
class AksProvisioningConfiguration:
    """A cluster to make; nothing of its shape is v1's here."""


@refuse(_ATTACH, "deserialize")
@differs("A target of mlmagic: local, docker, or an attached cluster")
class ComputeTarget:
    """A target that services can run on.

    Raises:
        ComputeTargetException: There is none of this name.
    """

    name: str
    workspace: Workspace
    id: str
    type: str
    location: str
    tags: dict[str, str]
    description: str | None
    provisioning_state: str
    created_on: datetime | None
    modified_on: datetime | None
    cluster_resource_id: str | None
    cluster_location: str
    is_attached: bool
    provisioning_errors = always(None, "Always None: a target that is there is ready to be asked")

    def __new__(cls, workspace: Workspace, name: str) -> Self:
        """Choose the class by what the target is, as v1 did."""
        known = name in workspace.local.targets
        is_cluster = known and workspace.local.targets.compute_type(name) == "kubernetes"
        shape: Any = AksCompute if is_cluster else ComputeTarget
        made: Self = super().__new__(shape)
        if not issubclass(shape, cls):
            made.__init__(workspace, name)  # type: ignore[misc]  # Python leaves it out
        return made

    def __init__(self, workspace: Workspace, name: str) -> None:
        if name not in workspace.local.targets:
            known = ", ".join(f"'{each}'" for each in workspace.local.targets)
            raise ComputeTargetException(
                f"ComputeTargetNotFound: Compute Target with name {name} not found in provided "
                f"workspace. Known: {known}. {_ATTACH}"
            )
        self.workspace, self.name = workspace, name
        told = workspace.local.show_compute_target(name)
        self.id, self.location, self.tags = told.id, told.location, told.tags
        self.created_on = self.modified_on = told.created_at
        facts = told.properties
        self.type, self.description = facts["computeType"], facts["description"]
        self.provisioning_state = facts["provisioningState"]
        self.cluster_resource_id = facts["resourceId"]
        self.cluster_location, self.is_attached = told.location, facts["isAttachedCompute"]
        self._cluster = told.cluster

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id}, "
            f"type={self.type}, provisioning_state={self.provisioning_state}, "
            f"location={self.location}, tags={self.tags})"
        )

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[ComputeTarget]:
        """Return the targets there are."""
        return [ComputeTarget(workspace, name) for name in workspace.local.targets]

    @staticmethod
    @differs("The cluster is found by the context of that name in the kubeconfig, as kubectl does")
    @as_v1
    def attach(
        workspace: Workspace,
        name: str,
        attach_configuration: AksAttachConfiguration,
    ) -> ComputeTarget:
        """Keep a cluster under a name, once it has answered."""
        if not isinstance(attach_configuration, AksAttachConfiguration):
            raise ComputeTargetException(
                f"Only clusters are attached here, not '{type(attach_configuration).__name__}'. "
                "Give AksCompute.attach_configuration(cluster_name=…)."
            )
        workspace.local.attach_compute_target(
            "kubernetes", name, context=attach_configuration.cluster_name
        )
        return AksCompute(workspace, name)

    @staticmethod
    @differs("The cluster is made on this machine by kind, minikube or k3d")
    @as_v1
    def create(
        workspace: Workspace,
        name: str,
        provisioning_configuration: AksProvisioningConfiguration,
    ) -> ComputeTarget:
        """Make a cluster on this machine, and keep it under a name."""
        if not isinstance(provisioning_configuration, AksProvisioningConfiguration):
            raise ComputeTargetException(
                f"Only clusters are made here, not "
                f"'{type(provisioning_configuration).__name__}'. Give "
                "AksCompute.provisioning_configuration()."
            )
        workspace.local.create_compute_target("kubernetes", name)
        return AksCompute(workspace, name)

    @as_v1
    def detach(self) -> None:
        """Forget it; the cluster stays as it is."""
        self.workspace.local.detach_compute_target(self.name)
        self.provisioning_state = "Deleting"

    @as_v1
    def delete(self) -> None:
        """Remove a cluster that `create` made; one that was attached stays, and is an error."""
        self.workspace.local.delete_compute_target(self.name)
        self.provisioning_state = "Deleting"

    def get_status(self) -> str:
        """Return v1's word for a target that is there."""
        return self.provisioning_state

    def refresh_state(self) -> None:
        """Nothing is remembered that could be old."""

    def wait_for_completion(
        self,
        show_output: bool = False,
        is_delete_operation: bool = False,
    ) -> None:
        """Return at once: a target that is there is ready to be asked."""
        if show_output:
            print("Succeeded", end="")
        print('Provisioning operation finished, operation "Succeeded"')

    def serialize(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        told = self.workspace.local.show_compute_target(self.name)
        return {key: getattr(told, key) for key in ("id", "name", "tags", "location", "properties")}


@refuse("Change it with the cluster's own tools.", "update")
@refuse("They lie in the kubeconfig: 'kubectl config view'.", "get_credentials")
class AksCompute(ComputeTarget):
    """A cluster that services can run on."""

    agent_count = always(None, _CLUSTERS)
    agent_vm_size = always(None, _CLUSTERS)
    cluster_purpose = always(None, _CLUSTERS)
    load_balancer_subnet = always(None, _CLUSTERS)
    load_balancer_type = always(None, _CLUSTERS)
    ssl_configuration = always(None, _CLUSTERS)
    system_services = always(None, _CLUSTERS)

    @property
    @differs("The address of the API server")
    def cluster_fqdn(self) -> str | None:
        """Where the cluster is asked."""
        return self._cluster or None

    class ClusterPurpose:
        """v1's words for the size of a cluster."""

        FAST_PROD = "FastProd"
        DEV_TEST = "DevTest"

    @staticmethod
    @differs("The cluster is found by the context of that name in the kubeconfig, as kubectl does")
    def attach(  # type: ignore[override]
        workspace: Workspace,
        name: str,
        resource_id: str,
    ) -> ComputeTarget:
        """Keep a cluster under a name, in v1's old spelling of `ComputeTarget.attach`."""
        found = AksCompute.attach_configuration(resource_id=resource_id)
        return ComputeTarget.attach(workspace, name, found)

    @staticmethod
    @differs("'cluster_name', or the end of 'resource_id', is the context's; the rest has no use")
    def attach_configuration(
        resource_group: str | None = None,
        cluster_name: str | None = None,
        resource_id: str | None = None,
        cluster_purpose: str | None = None,
        load_balancer_type: str | None = None,
        load_balancer_subnet: str | None = None,
    ) -> AksAttachConfiguration:
        """Say which cluster is meant."""
        if resource_id:
            parts = resource_id.split("/")
            if len(parts) != _RESOURCE_PARTS:
                raise ComputeTargetException(f"Invalid resource_id provided: {resource_id}")
            cluster_name = parts[-1]
        if not cluster_name:
            raise ComputeTargetException(
                "cluster_name is not provided."
                if resource_group
                else "Please provide resource_group and cluster_name for the AKS compute resource "
                "being attached. Or please provide resource_id for the resource being attached."
            )
        return AksAttachConfiguration(cluster_name)

    @staticmethod
    @differs("What only the cloud's clusters have is not used")
    def provisioning_configuration(
        agent_count: int | None = None,
        vm_size: str | None = None,
        ssl_cname: str | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        location: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        service_cidr: str | None = None,
        dns_service_ip: str | None = None,
        docker_bridge_cidr: str | None = None,
        cluster_purpose: str | None = None,
        load_balancer_type: str | None = None,
        load_balancer_subnet: str | None = None,
    ) -> AksProvisioningConfiguration:
        """Say that a cluster is to be made."""
        return AksProvisioningConfiguration()


AdlaCompute = refused_class("AdlaCompute", _TRAIN)
AmlCompute = refused_class("AmlCompute", _TRAIN)
BatchCompute = refused_class("BatchCompute", _TRAIN)
ComputeInstance = refused_class("ComputeInstance", _TRAIN)
DataFactoryCompute = refused_class("DataFactoryCompute", _TRAIN)
DatabricksCompute = refused_class("DatabricksCompute", _TRAIN)
HDInsightCompute = refused_class("HDInsightCompute", _TRAIN)
KustoCompute = refused_class("KustoCompute", _TRAIN)
SynapseCompute = refused_class("SynapseCompute", _TRAIN)
RemoteCompute = refused_class("RemoteCompute", _TRAIN)
DsvmCompute = refused_class("DsvmCompute", _TRAIN)
KubernetesCompute = refused_class("KubernetesCompute", _ATTACH)
