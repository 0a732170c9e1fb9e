"""The compute targets that users attached, one file each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlmagic.entities import ComputeTarget
from mlmagic.errors import ConfigurationError, TargetNotFoundError, did_you_mean
from mlmagic.files import read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path

BUILTIN = ("docker", "kubernetes", "local")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]")


class AttachedTargets:
    """Keeps compute targets under their names.

    Args:
        directory: Where they lie; made when the first is kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, target: ComputeTarget) -> None:
        """Keep a compute target; one of that name is replaced.

        Raises:
            ConfigurationError: The name is not allowed.
        """
        check_name(target.name)
        self._directory.mkdir(parents=True, exist_ok=True)
        write_record(self._path(target.name), target)

    def get(self, name: str) -> ComputeTarget:
        """Return a compute target.

        Raises:
            TargetNotFoundError: None of this name was attached; the message names the nearest.
        """
        try:
            return read_record(self._path(name), ComputeTarget)
        except FileNotFoundError:
            raise TargetNotFoundError(
                f"No compute target '{name}' is attached.", hint=did_you_mean(name, self.names())
            ) from None

    def list(self) -> list[ComputeTarget]:
        """Return those that were attached, by name."""
        return [self.get(name) for name in self.names()]

    def names(self) -> tuple[str, ...]:
        """Return the names of those that were attached, sorted."""
        files = self._directory.glob("*.json")
        return tuple(sorted(file.name.removesuffix(".json") for file in files))

    def forget(self, name: str) -> None:
        """Forget a compute target; the cluster stays as it is.

        Raises:
            TargetNotFoundError: None of this name was attached.
        """
        self.get(name)
        self._path(name).unlink()

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def check_name(name: str) -> None:
    """Make sure that a compute target may be called so.

    Raises:
        ConfigurationError: It may not; the message has the rule (that of Azure ML v1).
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"The name '{name}' of a compute target is not allowed.",
            hint="A name has 3 to 24 letters, digits and '-', begins with a letter and does not "
            "end with '-'.",
        )
    if name in BUILTIN:
        raise ConfigurationError(
            f"The name '{name}' is taken by a compute target that is always there.",
            hint="Choose another.",
        )
