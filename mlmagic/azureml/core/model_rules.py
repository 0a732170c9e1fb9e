"""v1's rules for the names, filters and parts of models."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from mlmagic.azureml.exceptions import UserErrorException, WebserviceException

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}")
_NAME_RULE = (
    "Error, provided model name is invalid. It must only consist of letters, numbers, dashes, "
    "periods, or underscores, start with a letter or number, and be between 1 and 255 characters "
    "long."
)


def check_name(name: str) -> None:
    """Check a name by v1's rule."""
    if not _NAME.fullmatch(name):
        raise WebserviceException(_NAME_RULE)


def filters(what: str, given: Any) -> list[str]:
    """Take v1's filters: ``["key", ["key", "value"]]``."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise UserErrorException(
            f'Expected {what} must be list type. Ex. ["key", ["key2", "key2 value"]]: provided '
            f"{type(given)}"
        )
    return [each if isinstance(each, str) else f"{each[0]}={each[1]}" for each in given]


def children(folder: Path, paths: list[str], scratch: Path) -> Path:
    """Put the named parts of a folder into a folder of the same name."""
    top = scratch / folder.resolve().name
    for path in paths:
        inside = Path(path)
        inside = inside.relative_to(folder) if inside.is_relative_to(folder) else inside
        source = folder / inside
        if not source.exists():
            raise WebserviceException(f'Error, provided child path "{path}" cannot be found')
        target = top / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    return top
