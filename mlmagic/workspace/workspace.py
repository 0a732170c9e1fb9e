"""The workspace: a folder, its rooms, and one method per verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError
from mlmagic.files import storage_faults, write_atomically
from mlmagic.settings import Settings
from mlmagic.workspace.compute_verbs import ComputeVerbs
from mlmagic.workspace.environment_verbs import EnvironmentVerbs
from mlmagic.workspace.image_verbs import ImageVerbs
from mlmagic.workspace.model_sharing_verbs import ModelSharingVerbs
from mlmagic.workspace.model_trust_verbs import ModelTrustVerbs
from mlmagic.workspace.model_verbs import ModelVerbs
from mlmagic.workspace.roots import Root, find_root, open_root, root_from_config
from mlmagic.workspace.script_verbs import ScriptVerbs
from mlmagic.workspace.service_verbs import ServiceVerbs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmagic.entities import DoctorReport

_NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


class Workspace(
    ModelVerbs,
    ModelTrustVerbs,
    ModelSharingVerbs,
    EnvironmentVerbs,
    ScriptVerbs,
    ServiceVerbs,
    ComputeVerbs,
    ImageVerbs,
):
    """A folder with models, environments and services; the only composition root.

    The folder is the nearest one upwards with ``.mlmagic/`` or a v1 configuration, else the
    project's root, else the current folder. ``.mlmagic/`` is made on first use.

    Args:
        root: The workspace's folder; None finds it from the current one.
        settings: Settings that win over the environment and ``mlmagic.toml``.

    Raises:
        ConfigurationError: The folder does not exist, or an argument of ``settings`` is wrong.

    Example:
        >>> from mlmagic import Workspace
        >>> workspace = Workspace()
        >>> workspace.list_services()
        []
    """

    def __init__(
        self, root: str | Path | Root | None = None, *, settings: Mapping[str, object] | None = None
    ) -> None:
        if root is None:
            root = find_root(Path.cwd())
        elif not isinstance(root, Root):
            root = open_root(Path(root))
        super().__init__(root, Settings(root.path, settings))

    @classmethod
    def from_config(
        cls, path: str | Path | None = None, *, settings: Mapping[str, object] | None = None
    ) -> Workspace:
        """Open the workspace that a configuration names (v1's ``Workspace.from_config``).

        Args:
            path: A configuration file of any name, or a folder to search upwards from.
            settings: As for the class.

        Raises:
            ConfigurationError: The file is missing or is no workspace configuration.
        """
        return cls(root_from_config(Path(path) if path else None), settings=settings)

    @classmethod
    def create(cls, path: str | Path = ".", *, name: str | None = None) -> Workspace:
        """Make a workspace in a folder, which is created where it is missing.

        Args:
            path: The folder.
            name: 2 to 32 letters, digits, ``-``, ``_``; None takes the folder's name.

        Raises:
            ConfigurationError: The name breaks the rule or the folder cannot be written.
        """
        folder = Path(path).expanduser()
        with storage_faults(folder, ConfigurationError):
            folder.mkdir(parents=True, exist_ok=True)
        workspace = cls(open_root(folder, name=name))
        workspace.ensure()
        return workspace

    def with_settings(self, settings: Mapping[str, object]) -> Workspace:
        """Return the same workspace with settings that win over all others.

        Args:
            settings: Such as ``database_url`` and ``store_url``, for the registry of a team.
        """
        return Workspace(self._found, settings=settings)

    @classmethod
    def attach_folder(
        cls,
        path: str | Path = ".",
        *,
        name: str | None = None,
        resource_group: str | None = None,
        subscription_id: str | None = None,
        experiment: str | None = None,
    ) -> Workspace:
        """Make a folder a workspace, and write ``.azureml/config.json`` (v1's ``folder attach``).

        Args:
            path: The folder.
            name: As for `create`.
            resource_group: Kept in the file, for code that reads it.
            subscription_id: Likewise.
            experiment: Accepted; experiments need no preparation.

        Raises:
            ConfigurationError: As for `create`.
        """
        del experiment
        workspace = cls.create(path, name=name)
        known = {"subscription_id": _NO_SUBSCRIPTION, "resource_group": "local"} | workspace.v1
        given = {"subscription_id": subscription_id, "resource_group": resource_group}
        content = {key: value or known[key] for key, value in given.items()}
        content["workspace_name"] = workspace.name
        write_atomically(
            workspace.root / ".azureml" / "config.json", json.dumps(content, indent=4) + "\n"
        )
        return cls(workspace.root)

    def __repr__(self) -> str:
        return f"Workspace(name={self.name!r}, root={str(self.root)!r})"

    def show_workspace(self) -> dict[str, Any]:
        """Say where the workspace is and what is in it, and what v1 told of one."""
        group = self.v1.get("resource_group", "local")
        kind = "Microsoft.MachineLearningServices/workspaces"
        subscription = self.v1.get("subscription_id", _NO_SUBSCRIPTION)
        place = f"/subscriptions/{subscription}/resourceGroups/{group}"
        return {
            "name": self.name,
            "root": str(self.root),
            "exists": self.exists,
            "models": len(self.models),
            "services": len(self.list_services()),
            "cacheDirectory": str(self.cache_directory),
            "id": f"{place}/providers/{kind}/{self.name}",
            "location": "local",
            "type": kind,
            "tags": {},
            "workspaceid": self.name,
            "description": "",
            "friendlyName": self.name,
            "resourceGroup": group,
            "subscriptionId": subscription,
        }

    def list_workspaces(self) -> list[dict[str, Any]]:
        """List this workspace and those in the folders around it, under v1's keys too."""
        around = (self.root, *self.root.parents)
        nested = sorted(self.root.glob("*/.mlmagic/workspace.json"))
        folders = [*around, *(file.parent.parent for file in nested)]
        roots = [open_root(folder) for folder in folders]
        return [
            {
                "name": root.name,
                "root": str(root.path),
                "current": root.path == self.root,
                "workspaceName": root.name,
                "resourceGroup": root.v1.get("resource_group", "local"),
                "subscriptionId": root.v1.get("subscription_id", _NO_SUBSCRIPTION),
            }
            for root in roots
            if root.exists
        ]

    def show_settings(self) -> list[dict[str, Any]]:
        """List every setting with its value, where that came from, and what is wrong with it."""
        return self._unchecked.rows()

    def doctor(self) -> DoctorReport:
        """Check what this machine has, with what to do about what is missing."""
        from mlmagic.doctor import examine

        cache, _ = self._unchecked.look_up(Settings.cache_directory, strict=False)
        return examine(self.root, cache, self._unchecked.problems())
