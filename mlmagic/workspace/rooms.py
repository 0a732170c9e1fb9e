"""The folder and the rooms behind every verb of a workspace."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.workspace.roots import STATE_FOLDER, Root

if TYPE_CHECKING:
    from mlmagic.configurations import Configurations
    from mlmagic.environments import Environments
    from mlmagic.registry import ContentStore, Registry
    from mlmagic.scripts import ScriptRecords
    from mlmagic.services import Services
    from mlmagic.settings import Settings


class Rooms:
    """What the verbs share; each room is opened when it is first needed.

    Attributes:
        root: The workspace's folder.
        name: Its name.
        settings: Every setting with where its value came from.
        created: Whether this object made the workspace's folder.
    """

    def __init__(self, root: Root, settings: Settings) -> None:
        self.root: Path = root.path
        self.name: str = root.name
        self.settings = settings
        self.created = False
        self._found = root

    @property
    def exists(self) -> bool:
        """Whether the workspace has been used before."""
        return self._found.exists

    @property
    def state_directory(self) -> Path:
        """``.mlmagic/``, made on first use."""
        self.ensure()
        return self.root / STATE_FOLDER

    def ensure(self) -> None:
        """Make the workspace's folder where it is missing."""
        if not self._found.exists:
            self._found.create()
            self.created = True

    @property
    def cache_directory(self) -> Path:
        """Where environments lie: shared by the user's workspaces."""
        return Path(self.settings.cache_directory)

    @cached_property
    def content(self) -> ContentStore:
        """Files by their SHA-256."""
        from mlmagic.registry import ContentStore

        return ContentStore(self.state_directory / "content")

    @cached_property
    def registry(self) -> Registry:
        """Registered models."""
        from mlmagic.registry import Registry

        return Registry(self.state_directory, self.content, database_url=self.settings.database_url)

    @cached_property
    def environments(self) -> Environments:
        """Definitions, locks and virtual environments."""
        from mlmagic.environments import Environments

        return Environments(self.state_directory / "environments", self.cache_directory, self.root)

    @cached_property
    def configurations(self) -> Configurations:
        """Named inference and deployment configurations."""
        from mlmagic.configurations import Configurations

        return Configurations(self.state_directory / "configs")

    @cached_property
    def scripts(self) -> ScriptRecords:
        """What was found out about captured entry scripts."""
        from mlmagic.scripts import ScriptRecords

        return ScriptRecords(self.state_directory / "scripts")

    @cached_property
    def services(self) -> Services:
        """Deployed services."""
        from mlmagic.services import Services
        from mlmagic.targets import LocalTarget

        directory = self.state_directory / "services"
        local = LocalTarget(
            directory,
            content=self.content,
            environments=self.environments,
            start_timeout_seconds=self.settings.start_timeout_seconds,
        )
        return Services(
            directory, content=self.content, environments=self.environments, targets=[local]
        )
