"""``azureml.core.workspace``: a workspace is a folder; v1's names of it are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.coverage import differs, differs_in, refuse
from mlmagic.azureml.exceptions import UserErrorException, WorkspaceException
from mlmagic.azureml.translating import as_v1
from mlmagic.errors import ConfigurationError
from mlmagic.files import write_atomically
from mlmagic.workspace import Workspace as LocalWorkspace

if TYPE_CHECKING:
    import builtins

    from mlmagic.azureml.core.compute import ComputeTarget
    from mlmagic.azureml.core.environment import Environment
    from mlmagic.azureml.core.experiment import Experiment
    from mlmagic.azureml.core.model import Model
    from mlmagic.azureml.core.run import Run
    from mlmagic.azureml.core.webservice import Webservice

_NONE = "00000000-0000-0000-0000-000000000000"
_CLUSTERS = ("DEFAULT_CPU_CLUSTER_CONFIGURATION", "DEFAULT_GPU_CLUSTER_CONFIGURATION")
_DATA = "Read the data with pandas or fsspec."
_FOLDER = "A workspace is a folder here: share it, or set its database and store."


@refuse(
    _FOLDER,
    "add_private_endpoint",
    "delete_private_endpoint_connection",
    "diagnose_workspace",
    "get_connection",
    "list_connections",
    "set_connection",
    "delete_connection",
    "list_keys",
    "sync_keys",
    "update",
    "update_dependencies",
    "setup",
    properties=("private_endpoints", "service_context", "discovery_url"),
)
@refuse("Delete the folder '.mlmagic' yourself.", "delete")
@refuse(_DATA, "get_default_datastore", "set_default_datastore")
@refuse(_DATA, properties=("datastores", "datasets", "linked_services"))
@refuse("Give secrets to a service with 'mlmagic deploy --secret'.", "get_default_keyvault")
@refuse("Services run on the targets that compute_targets lists.", "get_default_compute_target")
@refuse("MLflow keeps its runs by itself; register from one.", "get_mlflow_tracking_uri")
@refuse("Model.deploy makes the images it needs.", properties=("images",))
@differs_in(dict.fromkeys(_CLUSTERS, "Always None: no clusters are made to train on"))
class Workspace:
    """The workspace of the current folder, under the names that v1 gave it.

    Raises:
        WorkspaceException: The workspace here, or around here, has another name.
    """

    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"
    DEFAULT_CPU_CLUSTER_CONFIGURATION: Any = None
    DEFAULT_GPU_CLUSTER_CONFIGURATION: Any = None

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        workspace_name: str,
        auth: object = None,
        _location: str | None = None,
        _disable_service_check: bool = False,
        _workspace_id: str | None = None,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        _cloud: str = "AzureCloud",
    ) -> None:
        self.local = _find(workspace_name)
        self._subscription_id, self._resource_group = subscription_id, resource_group
        self._sku, self._tags = sku, dict(tags or {})

    @classmethod
    def _of(cls, local: LocalWorkspace) -> Workspace:
        made = cls.__new__(cls)
        made.local = local
        made._subscription_id = local.v1.get("subscription_id", _NONE)
        made._resource_group = local.v1.get("resource_group", "local")
        made._sku, made._tags = "basic", {}
        return made

    @staticmethod
    @differs("Without a configuration the project's folder is the workspace")
    def from_config(
        path: str | None = None,
        auth: object = None,
        _logger: object = None,
        _file_name: str | None = None,
    ) -> Workspace:
        """Open the workspace that a configuration names, or that the folder is."""
        place = Path(path) / _file_name if path and _file_name else path
        try:
            return Workspace._of(LocalWorkspace.from_config(place))
        except ConfigurationError as error:
            raise UserErrorException(f"{error}") from None

    @staticmethod
    @differs("The current folder becomes the workspace; what only a cloud has is not used")
    def create(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        friendly_name: str | None = None,
        storage_account: str | None = None,
        key_vault: str | None = None,
        app_insights: str | None = None,
        container_registry: str | None = None,
        adb_workspace: str | None = None,
        primary_user_assigned_identity: str | None = None,
        cmk_keyvault: str | None = None,
        resource_cmk_uri: str | None = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: object = None,
        default_gpu_compute_target: object = None,
        private_endpoint_config: object = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: str | None = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: bool | None = None,
    ) -> Workspace:
        """Make the current folder a workspace of this name."""
        here = LocalWorkspace()
        if here.exists and here.name == name and not exist_ok:
            raise WorkspaceException(
                f"Workspace with name '{name}' already exists in '{here.root}'. "
                "Give exist_ok=True to take it."
            )
        try:
            local = here if here.exists and here.name == name else LocalWorkspace.create(name=name)
        except ConfigurationError as error:
            raise WorkspaceException(f"{error}") from None
        made = Workspace._of(local)
        made._subscription_id = subscription_id or made._subscription_id
        made._resource_group = resource_group or made._resource_group
        made._sku, made._tags = sku, dict(tags or {})
        return made

    @staticmethod
    @differs("A folder that is no workspace yet becomes the one of this name")
    def get(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,
    ) -> Workspace:
        """Return the workspace of this name, here or in the folders around."""
        found = Workspace._of(_find(name))
        found._subscription_id = subscription_id or found._subscription_id
        found._resource_group = resource_group or found._resource_group
        return found

    @staticmethod
    @differs("Those of this folder and the folders around it, whatever the subscription")
    def list(
        subscription_id: str, auth: object = None, resource_group: str | None = None
    ) -> dict[str, builtins.list[Workspace]]:
        """Return workspaces by name."""
        found: dict[str, builtins.list[Workspace]] = {}
        for row in LocalWorkspace().list_workspaces():
            found.setdefault(row["name"], []).append(Workspace._of(LocalWorkspace(row["root"])))
        return found

    @property
    def name(self) -> str:
        """Its name."""
        return self.local.name

    @property
    def subscription_id(self) -> str:
        """As a v1 configuration said; zeros without one."""
        return self._subscription_id

    @property
    def resource_group(self) -> str:
        """As a v1 configuration said; ``local`` without one."""
        return self._resource_group

    @property
    @differs("Always 'local'")
    def location(self) -> str:
        """Where it is."""
        return "local"

    @property
    @differs("As it was given to this object: it is not kept")
    def sku(self) -> str:
        """As it was given."""
        return self._sku

    @property
    @differs("As they were given to this object: they are not kept")
    def tags(self) -> dict[str, str]:
        """As they were given."""
        return self._tags

    @property
    @as_v1
    def models(self) -> dict[str, Model]:
        """The newest version of each model, by name."""
        from mlmagic.azureml.core.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    @differs("Local services are among them")
    @as_v1
    def webservices(self) -> dict[str, Webservice]:
        """The services, by name."""
        from mlmagic.azureml.core.webservice import Webservice

        return {name: Webservice(self, name) for name in self.local.webservices}

    @property
    @differs("Those of the workspace, without 'AzureML-…' names")
    @as_v1
    def environments(self) -> dict[str, Environment]:
        """The newest version of each registered environment, by name."""
        from mlmagic.azureml.core.environment import Environment

        return Environment.list(self)

    @property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments that have runs, by name."""
        from mlmagic.azureml.core.experiment import Experiment

        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """The targets that services can run on, by name."""
        from mlmagic.azureml.core.compute import ComputeTarget

        return {name: ComputeTarget(self, name) for name in self.local.targets}

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id."""
        from mlmagic.azureml.core.run import Run

        return Run.get(self, run_id)

    @differs("What a folder has: no storage account, no registry, no key vault")
    def get_details(self) -> dict[str, Any]:
        """Return what is known of the workspace."""
        own = {"id": self._id, "tags": self.tags, "sku": self.sku}
        place = {"resourceGroup": self.resource_group, "subscriptionId": self.subscription_id}
        return self.local.show_workspace() | own | place

    @differs("Three keys, as the portal wrote it, where the SDK wrote a scope")
    def write_config(self, path: str | None = None, file_name: str | None = None) -> None:
        """Write ``.azureml/config.json``, for `from_config`."""
        folder = Path(path or ".")
        folder = folder / ("aml_config" if (folder / "aml_config").is_dir() else ".azureml")
        content = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        name = Path(file_name or "config.json")
        name = name if name.suffix == ".json" else name.with_name(f"{name.name}.json")
        write_atomically(folder / name, json.dumps(content, indent=4))

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name='{self.name}', subscription_id='{self.subscription_id}', "
            f"resource_group='{self.resource_group}')"
        )

    @property
    def _id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )


def _find(name: str) -> LocalWorkspace:
    """Find the workspace of a name: here, around here, or this folder where it is new."""
    try:
        here = LocalWorkspace()
        if here.name == name:
            return here
        around = [LocalWorkspace(row["root"]) for row in here.list_workspaces()]
        if found := [each for each in around if each.name == name]:
            return found[0]
        if not here.exists:
            return LocalWorkspace.create(here.root, name=name)
    except ConfigurationError as error:
        raise WorkspaceException(f"{error}") from None
    raise WorkspaceException(
        f"Workspace not found: there is no workspace '{name}' here; the one in '{here.root}' is "
        f"'{here.name}'. Change to its folder, or use Workspace.from_config()."
    )
