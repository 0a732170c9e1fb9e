"""The folder and the rooms behind every verb of a workspace."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import cached_property, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from mlmagic.entities import ComputeTarget
from mlmagic.workspace.roots import STATE_FOLDER, Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.configurations import Configurations
    from mlmagic.environments import EnvironmentDocuments, Environments
    from mlmagic.images import Images
    from mlmagic.registry import ContentStore, Registry
    from mlmagic.scripts import ScriptRecords
    from mlmagic.services import Services
    from mlmagic.settings import Settings
    from mlmagic.targets import Target, Targets
    from mlmagic.targets.attached import AttachedTargets


Method = TypeVar("Method", bound="Callable[..., Any]")


def looks(method: Method) -> Method:
    """Let a method of a workspace that was never used look into an empty one, and leave no folder.

    For what makes nothing: a stray folder would be the workspace of all folders below it.
    """

    @wraps(method)
    def call(self: Rooms, *args: Any, **kwargs: Any) -> Any:
        if self.exists:
            return method(self, *args, **kwargs)
        with self.empty() as empty:
            return method(empty, *args, **kwargs)

    return cast("Method", call)


class Rooms:
    """What the verbs share; each room is opened when it is first needed.

    Attributes:
        root: The workspace's folder.
        name: Its name.
        created: Whether this object made the workspace's folder.
    """

    def __init__(self, root: Root, settings: Settings, *, aside: Path | None = None) -> None:
        self.root: Path = root.path
        self.name: str = root.name
        self.created = False
        self._found = root
        self._unchecked = settings
        self._aside = aside

    @cached_property
    def settings(self) -> Settings:
        """Every setting with where its value came from.

        Raises:
            ConfigurationError: A setting is wrong; it is told before anything is done with others.
        """
        self.check_settings()
        return self._unchecked

    def check_settings(self) -> None:
        """Check the settings, also where none of them is needed.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        self._unchecked.check()

    @property
    def exists(self) -> bool:
        """Whether the workspace has been used before."""
        return self._found.exists

    @property
    def state_directory(self) -> Path:
        """``.mlmagic/``, made on first use."""
        if self._aside is not None:
            return self._aside
        self.ensure()
        return self.root / STATE_FOLDER

    @property
    def v1(self) -> dict[str, str]:
        """``subscription_id`` and ``resource_group``, where a v1 configuration named them."""
        return dict(self._found.v1)

    def ensure(self) -> None:
        """Make the workspace's folder where it is missing."""
        if not self._found.exists:
            self._found.create()
            self.created = True

    @contextmanager
    def empty(self) -> Iterator[Self]:
        """Give a workspace like this one, which is empty and goes at the end."""
        with tempfile.TemporaryDirectory(prefix="mlmagic-") as folder:
            other = type(self).__new__(type(self))
            Rooms.__init__(other, self._found, self._unchecked, aside=Path(folder))
            try:
                yield other
            finally:
                if "registry" in vars(other):
                    other.registry.close()

    @property
    def cache_directory(self) -> Path:
        """Where environments lie: shared by the user's workspaces."""
        return Path(self.settings.cache_directory)

    @cached_property
    def content(self) -> ContentStore:
        """Files by their SHA-256."""
        from mlmagic.registry import ContentStore, RemoteStore

        url = self.settings.store_url
        return ContentStore(
            self.state_directory / "content",
            remote=RemoteStore(url) if url else None,
            cache_bytes=self.settings.store_cache_bytes,
        )

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
    def environment_documents(self) -> EnvironmentDocuments:
        """Environment objects of Azure ML v1, by name and version."""
        from mlmagic.environments import EnvironmentDocuments

        return EnvironmentDocuments(self.state_directory / "environments" / "documents")

    @cached_property
    def images(self) -> Images:
        """Makes images of services."""
        from mlmagic.images import Images

        return Images(self.cache_directory, content=self.content, environments=self.environments)

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
    def targets(self) -> Targets:
        """Compute targets by name; their clients are imported when one is used."""
        from mlmagic.targets import TargetEntry, Targets

        attached = self.attached_targets.list() if self.exists else []
        return Targets(
            [
                TargetEntry("local", "local", self._local_target),
                TargetEntry("docker", "docker", self._docker_target),
                TargetEntry("kubernetes", "kubernetes", self._kubernetes_target),
                *(
                    TargetEntry(each.name, each.compute_type, partial(self._attached_target, each))
                    for each in attached
                ),
            ]
        )

    @property
    def attached_targets(self) -> AttachedTargets:
        """Compute targets that were attached under a name."""
        from mlmagic.targets.attached import AttachedTargets

        return AttachedTargets(self.state_directory / "computetargets")

    def _local_target(self) -> Target:
        from mlmagic.targets import LocalTarget

        return LocalTarget(
            self.services_directory,
            content=self.content,
            environments=self.environments,
            start_timeout_seconds=self.settings.start_timeout_seconds,
        )

    def _docker_target(self) -> Target:
        from mlmagic.targets.docker import DockerTarget

        return DockerTarget(
            self.services_directory,
            content=self.content,
            environments=self.environments,
            base_image=self.settings.base_image,
            start_timeout_seconds=self.settings.start_timeout_seconds,
        )

    def _kubernetes_target(self) -> Target:
        return self._attached_target(ComputeTarget(name="kubernetes", compute_type="kubernetes"))

    def _attached_target(self, attached: ComputeTarget) -> Target:
        from mlmagic.targets.kubernetes import KubernetesTarget, Place

        return KubernetesTarget(
            self.services_directory,
            content=self.content,
            environments=self.environments,
            place=Place(
                kubeconfig=attached.kubeconfig,
                context=attached.context,
                namespace=attached.namespace,
            ),
            name=attached.name,
            registry=attached.image_registry or self.settings.image_registry,
            base_image=self.settings.base_image,
        )

    @property
    def services_directory(self) -> Path:
        """A folder for each service."""
        return self.state_directory / "services"

    @cached_property
    def services(self) -> Services:
        """Deployed services."""
        from mlmagic.services import Services

        return Services(
            self.services_directory,
            content=self.content,
            environments=self.environments,
            targets=self.targets,
        )
