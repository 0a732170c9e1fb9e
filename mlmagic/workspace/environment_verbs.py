"""The verbs of environments and of named configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlmagic.workspace.rooms import Rooms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlmagic.configurations import KeptConfiguration
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

    def list_environments(self) -> Sequence[EnvironmentEntry]:
        """List named, curated and realised environments, with what uses them."""
        return self.environments.list(services=self._users_of_environments())

    def show_environment(self, name: str) -> EnvironmentEntry:
        """Return one environment by its name or the start of its identity."""
        return self.environments.show(name, services=self._users_of_environments())

    def clone_environment(
        self, name: str, new_name: str, *, add: Sequence[str] = ()
    ) -> Environment:
        """Copy an environment under a new name, with requirements added."""
        return self.environments.clone(name, new_name, add=add)

    def prune_environments(self, *, dry_run: bool = False) -> PruneReport:
        """Remove virtual environments that no service uses."""
        return self.environments.prune(used=self.services.locks_in_use(), dry_run=dry_run)

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

    def list_configurations(self) -> list[KeptConfiguration]:
        """List the configurations kept by name."""
        return self.configurations.list() if self.exists else []

    def show_configuration(self, name: str) -> KeptConfiguration:
        """Return one configuration by its name."""
        return self.configurations.get(name)
