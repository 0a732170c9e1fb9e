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
from mlmagic.files import digest_file, new_folder, storage_faults
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
        layers: Wheels, scoring server, models and sources.
        place: What to make; an existing folder must be empty, an existing file is replaced.
        python_version: The Python that it needs.
        platform: What its wheels are for.
        arguments: What the scoring server is told.
        variables: The service's environment variables.

    Raises:
        ImageBuildError: It cannot be written; nothing half made stays.
    """
    facts = {
        "format": 1,
        "python": python_version,
        "platform": platform,
        "arguments": list(arguments),
        "variables": dict(variables),
    }
    if not place.name.endswith((".tar.gz", ".tgz")):
        with new_folder(place, ImageBuildError) as building:
            _lay_out(layers, building, facts)
        return
    with storage_faults(place, ImageBuildError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".mlmagic-bundle-") as folder:
            building, packed = Path(folder) / "bundle", Path(folder) / "packed"
            building.mkdir()
            _lay_out(layers, building, facts)
            with tarfile.open(packed, "w:gz", compresslevel=4) as tar:
                tar.add(building, place.name.removesuffix(".tar.gz").removesuffix(".tgz"))
            packed.replace(place)


def _lay_out(layers: Iterable[Layer], folder: Path, facts: Mapping[str, object]) -> None:
    for layer in layers:
        extract(layer, folder)
    for part in (folder / OURS).iterdir():
        part.rename(folder / part.name)
    (folder / APP_ROOT).rename(folder / "app")
    for left in ("var", "opt"):
        shutil.rmtree(folder / left)
    wheels = {each.name: digest_file(each) for each in sorted((folder / "wheels").iterdir())}
    facts = {**facts, "wheels": wheels}
    (folder / "bundle.json").write_text(json.dumps(facts, indent=2) + "\n")
    shutil.copyfile(_START, folder / "start")
    os.chmod(folder / "start", 0o755)  # noqa: PTH101, S103 - a program that anyone may start
