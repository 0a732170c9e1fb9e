"""What a notebook's kernel needs beside the packages of a lock: a kernel, and mlmagic itself."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mlmagic.environments.distributions import is_ours
from mlmagic.errors import EnvironmentSetupError
from mlmagic.files import digest_text, storage_faults

if TYPE_CHECKING:
    from mlmagic.entities import Environment, Lock

_DISTRIBUTION = "jupyter-mlmagic"


def with_kernel(environment: Environment, lock: Lock) -> Environment:
    """Add what a kernel that knows mlmagic needs; what is locked stays at its version.

    Args:
        environment: What was asked for.
        lock: What that came to.
    """
    locked = {canonicalize_name(name): version for name, version in lock.packages.items()}
    pins = [f"{name}=={version}" for name, version in locked.items() if "://" not in version]
    # Of the rest, what is installed here: it is known to work, and mostly at hand.
    here = {
        canonicalize_name(each.name): each.version for each in importlib.metadata.distributions()
    }
    rest = [
        f"{name}=={version}"
        for name, version in sorted(here.items())
        if name not in locked and not is_ours(name)
    ]
    return replace(
        environment,
        name=f"{environment.name}-notebook",
        requirements=(*environment.requirements, *_own_requirements()),
        limits=(*environment.limits, *pins),
        constraints=tuple(rest),
        origin=f"the environment '{environment.name}' with a kernel",
    )


def place_package(cache: Path) -> Path:
    """Make a folder for ``PYTHONPATH`` in which this mlmagic stands alone.

    It is a link: like any service's supervisor, what runs from it lasts as long as this
    installation.

    Args:
        cache: The user's cache.

    Raises:
        EnvironmentSetupError: The cache cannot be written.
    """
    package = Path(__file__).parents[1]
    described = _metadata_folder()
    place = cache / "package" / digest_text(str(package), str(described))
    with storage_faults(place, EnvironmentSetupError):
        place.mkdir(parents=True, exist_ok=True)
        for target in (package, described):
            link = place / target.name
            if not link.is_symlink():
                try:
                    link.symlink_to(target, target_is_directory=True)
                except FileExistsError:  # another run was quicker
                    continue
    return place


def _own_requirements() -> tuple[str, ...]:
    lines = importlib.metadata.requires(_DISTRIBUTION) or []
    found = map(Requirement, lines)
    wanted = (each for each in found if each.marker is None or each.marker.evaluate({"extra": ""}))
    return tuple(str(each) for each in wanted)


def _metadata_folder() -> Path:
    files = importlib.metadata.files(_DISTRIBUTION) or []
    return next(Path(str(f.locate())).parent for f in files if f.name == "METADATA")
