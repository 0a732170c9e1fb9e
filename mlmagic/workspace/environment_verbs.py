"""The verbs of environments and of named configurations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.errors import UsageError
from mlmagic.workspace.rooms import Rooms, looks
from mlmagic.workspace.roots import STATE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlmagic.configurations import KeptConfiguration
    from mlmagic.configurations.converting import Conversion
    from mlmagic.entities import Environment
    from mlmagic.environments import EnvironmentEntry, PruneReport


class EnvironmentVerbs(Rooms):
    """Define, look at and tidy environments; keep configurations by name."""

    def define_environment(self, name: str, text: str, *, base: Path | None = None) -> Environment:
        """Keep an environment under a name, from requirements lines or conda YAML.

        Args:
            name: The name; names of curated environments are taken.
            text: The content of a ``requirements.txt`` or a conda file.
            base: Folder that relative paths in the text start from; None is the workspace's.

        Raises:
            EnvironmentSetupError: A line cannot be understood; nothing is kept.
        """
        return self.environments.define(name, text, base=base or self.root)

    @looks
    def list_environments(self, *, name: str | None = None) -> Sequence[EnvironmentEntry]:
        """List named, curated and realised environments, with what uses them.

        Args:
            name: Only the one of this name.
        """
        found = self.environments.list(services=self._users_of_environments())
        return [self._registered(entry) for entry in found if name in (None, entry.name)]

    @looks
    def show_environment(self, name: str) -> EnvironmentEntry | dict[str, Any]:
        """Return one environment by its name or the start of its identity.

        ``NAME:VERSION`` is an environment object of Azure ML v1, and returned as such.
        """
        named, _, version = name.partition(":")
        if version:
            return self.environment_document(named, version=version)
        entry = self.environments.show(name, services=self._users_of_environments())
        return self._registered(entry)

    def realise_for_notebooks(
        self,
        name: str,
        *,
        base: Path | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> tuple[Path, Path]:
        """Make a virtual environment that runs notebooks with the packages of a lock.

        Every locked package is in it at its locked version, and beside them what a kernel and
        mlmagic itself need.

        Args:
            name: An environment's name, a file that defines one, or the beginning of a lock's
                identity.
            base: Folder that a file is looked for in; None is the workspace's.
            on_event: Receives lines of progress.

        Returns:
            Its Python, and the folder of ``PYTHONPATH`` that holds this mlmagic.

        Raises:
            EnvironmentNotFoundError: There is no such environment.
            EnvironmentSetupError: It cannot be made, or its versions exclude mlmagic's.
        """
        from mlmagic.environments.notebook_kernel import place_package, with_kernel
        from mlmagic.errors import EnvironmentNotFoundError
        from mlmagic.workspace.parts import find_environment

        say = on_event or (lambda _line: None)
        rooms = self.environments
        try:
            environment = find_environment(self, name, base or self.root, say=say)
            lock = rooms.lock(environment, on_event=say)
        except EnvironmentNotFoundError:
            entry = rooms.show(name)
            environment = entry.environment
            lock = entry.lock or rooms.lock(environment, on_event=say)
        own = rooms.lock(with_kernel(environment, lock), on_event=say)
        # A notebook imports a part of it, once.
        python = rooms.realise(own, on_event=say, compiled=False)
        return python, place_package(rooms.cache)

    def clone_environment(
        self, name: str, new_name: str, *, add: Sequence[str] = ()
    ) -> Environment:
        """Copy an environment under a new name, with requirements added."""
        return self.environments.clone(name, new_name, add=add)

    def register_environment_document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Keep an environment object of Azure ML v1, and what it defines under its name.

        Args:
            document: The object, in v1's spelling.

        Returns:
            What is kept; its ``version`` is new only where the definition is.

        Raises:
            ConfigurationError: It says two things that exclude each other.
            EnvironmentSetupError: A name, or a package, is not understood; nothing is kept.
        """
        from mlmagic.workspace.parts import register_document

        return register_document(self, dict(document))

    def register_environment(self, directory: str | Path = ".") -> dict[str, Any]:
        """Register the environment that lies in a folder in v1's layout.

        Args:
            directory: The folder, as ``environment scaffold`` writes it.

        Returns:
            As `register_environment_document`.

        Raises:
            ConfigurationError: A file is missing or wrong; nothing is kept.
        """
        from mlmagic.configurations import read_environment_directory

        return self.register_environment_document(read_environment_directory(Path(directory)))

    def scaffold_environment(self, name: str, directory: str | Path = ".") -> str:
        """Write the files of a new environment, in v1's layout, for `register_environment`.

        Raises:
            ConfigurationError: There are such files already.
        """
        from mlmagic.configurations import write_environment_directory

        conda = {"name": name, "dependencies": ["pip", {"pip": []}]}
        document: dict[str, Any] = {"name": name, "version": None, "environmentVariables": {}}
        document["python"] = {"userManagedDependencies": False, "condaDependencies": conda}
        return str(write_environment_directory(document, Path(directory), overwrite=False))

    @looks
    def download_environment(
        self,
        name: str,
        directory: str | Path = ".",
        *,
        version: str | None = None,
        overwrite: bool = False,
    ) -> str:
        """Write a registered environment's files, in v1's layout.

        Raises:
            EnvironmentNotFoundError: There is none.
            ConfigurationError: There are such files already, and ``overwrite`` is not given.
        """
        from mlmagic.configurations import write_environment_directory

        document = self.environment_document(name, version=version)
        return str(write_environment_directory(document, Path(directory), overwrite=overwrite))

    @looks
    def environment_document(self, name: str, *, version: str | None = None) -> dict[str, Any]:
        """Return an environment object, the newest version unless told."""
        return self.environment_documents.get(name, version=version)

    def environment_names(self) -> list[str]:
        """Return the names of the environment objects."""
        return self.environment_documents.names() if self.exists else []

    @looks
    def prune_environments(self, *, dry_run: bool = False) -> PruneReport:
        """Remove virtual environments that no service uses."""
        return self.environments.prune(used=self.services.locks_in_use(), dry_run=dry_run)

    def _registered(self, entry: EnvironmentEntry) -> EnvironmentEntry:
        if not self.environment_documents.versions(entry.name):
            return entry
        document = self.environment_documents.get(entry.name)
        image = (document.get("docker") or {}).get("baseImage")
        return replace(entry, version=document["version"], base_image=image)

    def _users_of_environments(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = {}
        for record in self.services.readable():
            users.setdefault(record.spec.lock.identity, []).append(record.name)
        return users

    def keep_configuration(
        self,
        kind: Literal["inference", "deployment"],
        name: str,
        text: str,
        *,
        first_line: int = 1,
    ) -> KeptConfiguration:
        """Check a configuration and keep it under a name, or write it to a file.

        Args:
            kind: ``inference`` or ``deployment``.
            name: A name, or a file name ending in ``.json``, ``.yml`` or ``.yaml``.
            text: JSON or YAML, with v1's keys or snake_case.
            first_line: Line of the cell on which the text begins, for messages.

        Raises:
            ConfigurationError: A key or value is wrong; nothing is kept.
        """
        return self.configurations.keep(kind, name, text, first_line=first_line)

    def convert_configurations(
        self,
        *,
        inference_config: str | Mapping[str, Any] | None = None,
        deployment_config: str | Mapping[str, Any] | None = None,
        name: str = "SERVICE",
    ) -> Conversion:
        """Write the ``%deploy`` line that says what configurations of Azure ML v1 say.

        Args:
            inference_config: An inference configuration: a file, a name, or v1's keys.
            deployment_config: A deployment configuration likewise.
            name: The service's name on the line.

        Raises:
            UsageError: Neither is given.
            ConfigurationError: One cannot be read, or is wrong.
        """
        from mlmagic.configurations import Configurations
        from mlmagic.configurations.converting import convert

        if not inference_config and not deployment_config:
            raise UsageError(
                "There is nothing to convert.",
                hint="Name a file: --ic inferenceconfig.json, --dc deploymentconfig.json.",
            )
        kept = Configurations(self.root / STATE_FOLDER / "configs")  # looks, and makes nothing
        read = []
        if inference_config:
            read.append(kept.read("inference", inference_config))
        if deployment_config:
            read.append(kept.read("deployment", deployment_config))
        return convert(read, service=name)

    def list_configurations(self) -> list[KeptConfiguration]:
        """List the configurations kept by name."""
        return self.configurations.list() if self.exists else []

    @looks
    def show_configuration(self, name: str) -> KeptConfiguration:
        """Return one configuration by its name."""
        return self.configurations.get(name)
