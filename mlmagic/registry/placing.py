"""Models as they lie in a service: ``azureml-models/NAME/VERSION/`` and the record beside."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlmagic.entities import Model, PlacedModel
from mlmagic.errors import ModelIntegrityError
from mlmagic.files import RECORD_FORMAT, to_json, write_atomically

if TYPE_CHECKING:
    from mlmagic.registry.content import ContentStore


def placed_model(model: Model) -> PlacedModel:
    """Say how a registered model lies in a service."""
    return PlacedModel(
        name=model.name,
        version=model.version,
        digest=model.digest,
        files=model.files,
        loader=model.loader,
        framework=model.framework,
        trusted_types=model.trusted_types,
    )


def place_files(
    model: Model | PlacedModel, destination: Path, content: ContentStore, *, link: bool = True
) -> None:
    """Put a model's files under a folder, each checked against its digest.

    Args:
        model: Whose files.
        destination: The version folder; a file keeps its name, a folder is on top of its tree.
        content: Where the bytes are.
        link: Share the bytes with the store where the file system can (read-only files).

    Raises:
        ModelIntegrityError: A content is missing or damaged, or a name leads out of the folder.
    """
    for file in model.files:
        content.place(file, _inside(destination, file.path), link=link)


def write_loader_record(models_root: Path, placed: PlacedModel) -> Path:
    """Write what ``mlmagic.scoring.load_model`` needs, beside the version folders.

    The list of types to trust comes from the workspace's decision at registration, never from
    the archive itself.

    Args:
        models_root: The folder ``azureml-models``.
        placed: The model.

    Returns:
        The record, ``azureml-models/.mlmagic/NAME/VERSION.json``.
    """
    name, text = loader_record(placed)
    path = models_root / name
    write_atomically(path, text)
    return path


def loader_record(placed: PlacedModel) -> tuple[str, str]:
    """The same record for those who write no files: its path below the folder, and its text."""
    one = placed.files[0] if len(placed.files) == 1 else None
    tops = {file.path.partition("/")[0] for file in placed.files}
    record = {
        "format": RECORD_FORMAT,
        "name": placed.name,
        "version": placed.version,
        "framework": placed.framework,
        "loader": placed.loader if len(tops) == 1 else None,
        "file": one.path if one else min(tops),
        "sha256": one.sha256 if one else None,
        "trusted_types": list(placed.trusted_types),
    }
    return f".mlmagic/{placed.name}/{placed.version}.json", to_json(record) + "\n"


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise ModelIntegrityError(f"The file name '{name}' leads out of the model's folder.")
    return folder.joinpath(*parts.parts)
