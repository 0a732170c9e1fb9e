"""A bundle: everything that a service needs but Python, in one folder or archive."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.errors import ImageBuildError
from mlmagic.files import new_folder, storage_faults
from mlmagic.images.dockerfile import extract
from mlmagic.images.places import APP_ROOT, OURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlmagic.images.layers import Layer

_START = Path(__file__).with_name("start.py")


def write_bundle(
    layers: Iterable[Layer],
    place: Path,
    *,
    python_version: str,
    platform: str,
    arguments: Sequence[str],
    variables: Mapping[str, str],
) -> None:
    """Write a bundle: a folder, or an archive where the name ends in ``.tar.gz`` or ``.tgz``.

    Args:
        layers: Packages, scoring server, models and sources.
        place: What to make; an existing folder must be empty, an existing file is replaced.
        python_version: The Python that it needs.
        platform: What its packages are for.
        arguments: What the scoring server is told.
        variables: The service's environment variables.

    Raises:
        ImageBuildError: It cannot be written; nothing half made stays.
    """
    if place.name.endswith((".tar.gz", ".tgz")):
        with storage_faults(place, ImageBuildError):
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=".mlmagic-bundle-") as folder:
                name = place.name.removesuffix(".gz").removesuffix(".tar").removesuffix(".tgz")
                whole = Path(folder) / name
                write_bundle(
                    layers,
                    whole,
                    python_version=python_version,
                    platform=platform,
                    arguments=arguments,
                    variables=variables,
                )
                packed = Path(folder) / "packed"
                with tarfile.open(packed, "w:gz", compresslevel=4) as tar:
                    tar.add(whole, name)
                packed.replace(place)
        return
    with new_folder(place, ImageBuildError) as building:
        for layer in layers:
            extract(layer, building)
        for part in (building / OURS).iterdir():
            part.rename(building / part.name)
        (building / APP_ROOT).rename(building / "app")
        for left in ("var", "opt"):
            shutil.rmtree(building / left)
        facts = {
            "format": 1,
            "python": python_version,
            "platform": platform,
            "arguments": list(arguments),
            "variables": dict(variables),
        }
        (building / "bundle.json").write_text(json.dumps(facts, indent=2) + "\n")
        shutil.copyfile(_START, building / "start")
        os.chmod(building / "start", 0o755)  # noqa: PTH101, S103 - a program that anyone may start
