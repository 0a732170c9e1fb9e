"""A Dockerfile with its context, which builds with nothing but Docker and no network but the base.

A base that only this machine's engine has is in the context too, as its files.

The layers are the same tars that we load and push; the app root is laid out for people to read, as
Azure ML v1's packages were.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tempfile
from typing import TYPE_CHECKING

from mlmagic.errors import ImageBuildError
from mlmagic.files import new_folder
from mlmagic.images.bases import ON_THE_DISK
from mlmagic.images.image import HEALTHCHECK
from mlmagic.images.places import APP_ROOT, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from mlmagic.images.bases import Base
    from mlmagic.images.image import Image
    from mlmagic.images.layers import Layer

APP = "azureml-app"
_BASE = "layers/base.tar"
_SERVICE = "service"  # the sample, which lies outside the app root
_SECOND = 1_000_000_000
_SAFE = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


def write_context(
    image: Image, place: Path, *, write_base: Callable[[BinaryIO], None] | None = None
) -> None:
    """Write ``Dockerfile``, the layers of the environment, and the app root.

    Args:
        image: The image that the Dockerfile builds.
        place: A folder that does not exist or is empty.
        write_base: Writes the base's files, as a tar, where others cannot get it by its name.

    Raises:
        ImageBuildError: The base has no name that a Dockerfile could use, or the folder cannot
            be written.
    """
    if image.base.reference.startswith(ON_THE_DISK):
        raise ImageBuildError(
            f"A Dockerfile cannot stand on '{image.base.reference}'.",
            hint="Name a base_image of a registry, or one that the engine has.",
        )
    with new_folder(place, ImageBuildError) as building:
        names = []
        if write_base is not None:
            names.append(_BASE)
            (building / _BASE).parent.mkdir()
            with (building / _BASE).open("wb") as target:
                write_base(target)
        for layer in image.layers:
            if layer.stored is None:
                extract(layer, building)
                continue
            names.append(f"layers/{layer.title.split()[0]}.tar")
            file = building / names[-1]
            file.parent.mkdir(exist_ok=True)
            with file.open("wb") as target:
                target.writelines(layer.stream())
        (building / APP_ROOT).rename(building / APP)
        if (building / OURS / _SERVICE).is_dir():
            (building / OURS / _SERVICE).rename(building / _SERVICE)
        for left in ("var", "opt"):
            shutil.rmtree(building / left, ignore_errors=True)
        has_sample = (building / _SERVICE).is_dir()
        (building / "Dockerfile").write_text(_dockerfile(image, names, sample=has_sample))


def extract(layer: Layer, folder: Path) -> None:
    """Lay the files of a layer out in a folder."""
    with tempfile.TemporaryFile() as spooled:
        spooled.writelines(layer.stream())
        spooled.seek(0)
        with tarfile.open(fileobj=spooled) as tar:
            # The tar is ours; its links lead to the image's Python, which 'data' would refuse.
            tar.extractall(folder, filter="tar")


def _dockerfile(image: Image, layers: Collection[str], *, sample: bool) -> str:
    inner, base = image.config["config"], image.base
    given = dict(pair.split("=", 1) for pair in inner["Env"])
    travels = _BASE in layers  # its files alone
    of_base = {} if travels else base.configuration.environment
    labels_of_base = {} if travels else base.configuration.labels
    ours = {name: value for name, value in given.items() if of_base.get(name) != value}
    labels = {
        name: value for name, value in inner["Labels"].items() if labels_of_base.get(name) != value
    }
    # What only the base sets can be emptied, not unset.
    ours |= dict.fromkeys(of_base.keys() - given.keys(), "")
    lines = [
        # What an engine built is there alone: elsewhere, its lines make it.
        "FROM scratch" if travels else base.lines.rstrip() or f"FROM {base.reference}",
        f"# docker build -t NAME .  makes the service image {image.short}",
        *([f"ADD {_BASE} /"] if travels else []),
        *(_clearing(base) if base.is_ours else ()),
        *(f"ADD {name} /" for name in layers if name != _BASE),
        f"COPY --chown=0:0 {APP} /{APP_ROOT}",
        *([f"COPY --chown=0:0 {_SERVICE} /{OURS}/{_SERVICE}"] if sample else []),
        *_pairs("ENV", ours),
        *_pairs("LABEL", labels),
        f"USER {inner['User']}",
        f"WORKDIR {inner['WorkingDir']}",
        *(f"EXPOSE {port.partition('/')[0]}" for port in inner["ExposedPorts"]),
        f"STOPSIGNAL {inner['StopSignal']}",
        _healthcheck(),
        "ENTRYPOINT []",
        f"CMD {json.dumps(inner['Cmd'])}",
    ]
    return "\n".join(lines) + "\n"


def _clearing(base: Base) -> list[str]:
    """Take away what an image of ours has of its own service; the engine's ADD hides nothing."""
    program = f"import shutil; [shutil.rmtree(each, True) for each in ('/{OURS}', '/{APP_ROOT}')]"
    return ["USER 0", f"RUN {json.dumps([base.python, '-I', '-c', program])}"]


def _healthcheck() -> str:
    times = [
        f"--{name}={HEALTHCHECK[key] // _SECOND}s"
        for name, key in (("interval", "Interval"), ("timeout", "Timeout"))
    ]
    start = f"--start-period={HEALTHCHECK['StartPeriod'] // _SECOND}s"
    options = " ".join([*times, start, f"--retries={HEALTHCHECK['Retries']}"])
    return f"HEALTHCHECK {options} CMD {json.dumps(HEALTHCHECK['Test'][1:])}"


def _pairs(word: str, values: Mapping[str, str]) -> list[str]:
    return [f"{word} {name}={_quoted(value)}" for name, value in sorted(values.items())]


def _quoted(value: str) -> str:
    if _SAFE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'.replace("\n", "\\\n")
