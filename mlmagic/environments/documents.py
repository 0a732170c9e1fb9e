"""Environment objects of Azure ML v1, registered under a name with versions from 1."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlmagic.environments.curated import CURATED
from mlmagic.errors import EnvironmentNotFoundError, EnvironmentSetupError, did_you_mean
from mlmagic.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from mlmagic.entities import Environment

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
# Words in the names of Azure ML's curated environments, to our sets with the same libraries.
_CURATED = (("pytorch", "pytorch-cpu"), ("onnx", "onnxruntime"), ("minimal", "minimal"))


class EnvironmentDocuments:
    """Where the objects lie: ``NAME/VERSION.json``.

    Args:
        directory: Made when the first is registered.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> list[str]:
        """Return the names that are registered."""
        return sorted(path.parent.name for path in self._directory.glob("*/1.json"))

    def versions(self, name: str) -> list[int]:
        """Return the versions of a name, oldest first."""
        if not _NAME.fullmatch(name):
            return []
        return sorted(int(path.stem) for path in (self._directory / name).glob("[0-9]*.json"))

    def register(self, document: dict[str, Any]) -> dict[str, Any]:
        """Keep an object as the next version of its name; an equal one makes none.

        Passwords of registries are not kept.

        Raises:
            EnvironmentSetupError: The name is not allowed.
        """
        name = f"{document.get('name')}"
        if not _NAME.fullmatch(name) or name.lower().startswith(("microsoft", "azureml")):
            raise EnvironmentSetupError(
                f"The environment name '{name}' is not allowed.",
                hint="Use up to 255 letters, digits, '.', '_' and '-', not beginning with "
                "'Microsoft' or 'AzureML'.",
            )
        kept = _without_password(document) | {"version": None}
        versions = self.versions(name)
        if versions:
            newest = self.get(name)
            if {**newest, "version": None} == kept:
                return newest
        version = (versions[-1] if versions else 0) + 1
        kept["version"] = f"{version}"
        write_atomically(
            self._directory / name / f"{version}.json", json.dumps(kept, indent=2) + "\n"
        )
        return kept

    def get(self, name: str, *, version: str | None = None) -> dict[str, Any]:
        """Return the newest version, or the one named; curated sets by Azure ML's names too.

        Raises:
            EnvironmentNotFoundError: There is none.
        """
        versions = [f"{each}" for each in self.versions(name)]
        if not versions and name.lower().startswith("azureml-"):
            return _curated(name)
        wanted = f"{version}" if version is not None else (versions or ["1"])[-1]
        if wanted not in versions:
            known = f"Versions: {', '.join(versions)}." if versions else ""
            raise EnvironmentNotFoundError(
                f"There is no environment '{name}'"
                + (f" of version '{version}'." if version else "."),
                hint=known or did_you_mean(name, self.names()),
            )
        text = (self._directory / name / f"{wanted}.json").read_text("utf-8")
        document: dict[str, Any] = json.loads(text)
        return document


def _without_password(document: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(document))
    registry = (copied.get("docker") or {}).get("baseImageRegistry")
    if registry:
        registry["password"] = None
    return copied


def python_section(environment: Environment) -> dict[str, Any]:
    """Return the section ``python`` of the object that says what an environment says."""
    pip = [*environment.index_options, *environment.requirements]
    python = [f"python={environment.python_version}"] if environment.python_version else []
    conda = {"name": "project_environment", "dependencies": [*python, {"pip": pip}]}
    return {
        "interpreterPath": "python",
        "userManagedDependencies": False,
        "condaDependenciesFile": None,
        "baseCondaEnvironment": None,
        "condaDependencies": conda,
    }


def _curated(name: str) -> dict[str, Any]:
    chosen = next((ours for word, ours in _CURATED if word in name.lower()), "scikit-learn")
    return {"name": name, "version": "1", "python": python_section(CURATED[chosen])}
