"""What images there are, what uses them, and removing what nothing uses."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError, ImageBuildError
from mlmagic.files import storage_faults
from mlmagic.images.bases import ON_THE_DISK
from mlmagic.images.connecting import engine_faults
from mlmagic.images.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from mlmagic.images.engine import Engine
    from mlmagic.images.images import Images

_ROLE = "io.mlmagic.role"


@dataclass(frozen=True, kw_only=True)
class ImageEntry:
    """An image of ours in an engine, or layers in the cache.

    Attributes:
        name: Its names, or its id where it has none; ``layers`` and ``compressed layers`` for
            those of the cache.
        role: ``service``, ``environment``, ``base`` or ``cache``.
        size: Bytes; images share layers, so that the sum is more than is on the disk.
        image_id: Its id; empty for the cache.
        service: The service it was made for.
        used_by: Containers that were made from it.
    """

    name: str
    role: str
    size: int
    image_id: str = ""
    service: str = ""
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ImagePruneReport:
    """What ``image prune`` removed, or would remove.

    Attributes:
        removed: Names of images, ids of what killed builds left, and keys of layers.
        kept: Names of images that are in use, or that other workspaces made; ``layers`` where
            an image is being made or pushed, which may need any of them.
        freed: Bytes of what was removed from the cache, and of images as the engine counts them.
        dry_run: Whether nothing was done.
    """

    removed: tuple[str, ...]
    kept: tuple[str, ...]
    freed: int
    dry_run: bool


def list_images(images: Images, engine: Engine | None) -> list[ImageEntry]:
    """List our images in the engine, and what the cache holds of layers."""
    entries = [_entry(each, used) for each, used in _ours(engine)] if engine else []
    for name, folder in (("layers", "layers"), ("compressed layers", "blobs")):
        if size := _size(images.root / folder):
            entries.append(ImageEntry(name=name, role="cache", size=size))
    return entries


def pull_base(engine: Engine, reference: str, *, on_event: Callable[[str], None]) -> ImageEntry:
    """Take a base image anew from its registry; see `mlmagic.images.Engine.pull`.

    Raises:
        ConfigurationError: It lies on the disk, or its name is none.
    """
    if reference.startswith(ON_THE_DISK):
        raise ConfigurationError(
            f"The base image '{reference}' is read from the disk at each deployment: no registry "
            "has it.",
            hint="Name an image of a registry: %ml image pull NAME:TAG.",
        )
    Reference.parse(reference)  # which refuses what is no name
    entry = _entry(engine.pull(reference, on_event=on_event), [])
    return replace(entry, role="base")


def prune_images(
    images: Images,
    engine: Engine | None,
    *,
    used: Collection[str],
    dry_run: bool = False,
) -> ImagePruneReport:
    """Remove images that no container uses, and cached layers that no image left needs.

    Images that a service's stands on stay, and those that another workspace made, too, or one that
    this cache does not know of.

    Args:
        images: Whose cache.
        engine: The engine; without one, only the cache is tidied.
        used: Digests of specifications whose images stay, such as those of services.
        dry_run: Only tell.
    """
    removed, kept, freed, needed = [], [], 0, set[str]()
    services: list[list[str]] = []  # the layers of those that stay
    pairs = list(_ours(engine)) if engine else []
    # What services stand on is pruned last: those that stay are known by then.
    for attributes, containers in sorted(pairs, key=lambda pair: _rank(pair[0])):
        entry = _entry(attributes, containers)
        layers = attributes["RootFS"].get("Layers") or []
        labels = attributes["Config"].get("Labels") or {}
        stays = (
            entry.used_by
            or not images.claims.may_remove(entry.image_id)
            or labels.get("io.mlmagic.spec") in used
            or (entry.role != "service" and any(layers == of[: len(layers)] for of in services))
        )
        if stays:
            kept.append(entry.name)
            needed.update(layers)
            if entry.role == "service":
                services.append(layers)
            continue
        removed.append(entry.name)
        freed += entry.size
        if engine and not dry_run:
            with engine_faults(ImageBuildError, f"The image '{entry.name}' cannot be removed"):
                engine.client.images.remove(entry.image_id, force=True, noprune=False)
            images.claims.drop(entry.image_id)
    if engine:
        removed += engine.clear_builds(images.build_notes, dry_run=dry_run)
    with images.layers.out_of_use() as is_free:
        if not is_free:
            kept.append("layers")
        for key, size in _unused_layers(images, needed) if is_free else ():
            removed.append(key[:12])
            freed += size
            if not dry_run:
                _remove_layer(images, key)
    return ImagePruneReport(removed=tuple(removed), kept=tuple(kept), freed=freed, dry_run=dry_run)


def _ours(engine: Engine) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Give our images with the names of the containers made from each."""
    api = engine.client.api
    with engine_faults(ImageBuildError, "The engine does not list its images"):
        users: dict[str, list[str]] = {}
        for container in api.containers(all=True):
            names = [name.lstrip("/") for name in container.get("Names") or ()]
            users.setdefault(container["ImageID"], []).extend(names[:1])
        for image_id in dict.fromkeys(api.images(quiet=True, filters={"label": _ROLE})):
            yield api.inspect_image(image_id), users.get(image_id, [])


def _rank(attributes: dict[str, Any]) -> int:
    role = (attributes["Config"].get("Labels") or {}).get(_ROLE)
    return {"service": 0, "environment": 1}.get(str(role), 2)


def _entry(attributes: dict[str, Any], containers: list[str]) -> ImageEntry:
    labels = attributes["Config"].get("Labels") or {}
    names = [tag for tag in attributes.get("RepoTags") or () if not tag.startswith("<none>")]
    return ImageEntry(
        name=", ".join(names) or attributes["Id"].removeprefix("sha256:")[:12],
        role=labels.get(_ROLE, ""),
        size=attributes["Size"],
        image_id=attributes["Id"],
        service=labels.get("io.mlmagic.service", ""),
        used_by=tuple(containers),
    )


def _unused_layers(images: Images, needed: Collection[str]) -> Iterator[tuple[str, int]]:
    for folder in sorted(images.layers.layers.glob("[!.]*")):
        if folder.is_dir():
            try:
                diff_id = images.layers.diff_id(folder.name)
            except (FileNotFoundError, ConfigurationError):
                diff_id = ""
            if diff_id not in needed:
                yield folder.name, _size(folder) + images.blobs.size(diff_id)


def _remove_layer(images: Images, key: str) -> None:
    place = images.layers.layers / key
    with storage_faults(place, ImageBuildError), images.layers.exclusive(key):
        with suppress(FileNotFoundError, ConfigurationError):
            images.blobs.remove(images.layers.diff_id(key))
        # Renamed first: nobody finds a half of it under its name.
        going = place.with_name(f".{key}.building-removed")
        shutil.rmtree(going, ignore_errors=True)
        place.rename(going)
        shutil.rmtree(going, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
