"""Folders that MLflow, Hugging Face, spaCy or we write: what they say of themselves."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlmagic.errors import RegistryError
from mlmagic.registry.frameworks import Described, known

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PARTS = "parts.json"
_LARGEST = 4 << 20  # bytes of a description; a larger one is none
# A file on top of the folder, and what its JSON has.
_BY_FILE = {
    "config.json": ("transformers", "model_type"),
    "tokenizer_config.json": ("transformers", "tokenizer_class"),
    "meta.json": ("spacy", "spacy_version"),
}
_FLAVOURS = {"sklearn": "scikit-learn", "tensorflow": "tensorflow", "transformers": "transformers"}


def recognise(files: Mapping[str, Path]) -> Described | None:
    """Read what a folder says of itself.

    Args:
        files: Name in the registry to file.

    Returns:
        Framework, schema, example and requirements; None where it is no such folder.

    Raises:
        RegistryError: The description cannot be read.
    """
    for name in files:
        path = PurePosixPath(name)
        if path.name == "MLmodel" and len(path.parts) <= 2:  # noqa: PLR2004 - the folder, the file
            return _mlflow(files, path)
    for name in files:
        path = PurePosixPath(name)
        known = _BY_FILE.get(path.name) if len(path.parts) == 2 else None  # noqa: PLR2004
        if known is None:
            continue
        found = _read(files[name], json.loads)
        framework, key = known
        if isinstance(found, dict) and key in found:
            return Described(framework=framework, loader=framework)
    return None


def read_parts(files: Mapping[str, Path]) -> dict[str, tuple[str, str]] | None:
    """Read which models a folder of several has: name to file and loader.

    Returns:
        None where it is no such folder.
    """
    for name in files:
        path = PurePosixPath(name)
        if path.name != PARTS or len(path.parts) != 2:  # noqa: PLR2004 - the folder, the file
            continue
        told = _read(files[name], json.loads)
        if isinstance(told, dict) and told and all(map(_is_part, told.values())):
            top = path.parent
            return {key: (str(top / part["file"]), part["loader"]) for key, part in told.items()}
    return None


def _is_part(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(key), str) for key in ("file", "loader")
    )


def _mlflow(files: Mapping[str, Path], path: PurePosixPath) -> Described:
    import yaml

    told = _read(files[str(path)], yaml.safe_load)
    if not isinstance(told, dict) or not isinstance(told.get("flavors"), dict):
        raise RegistryError(f"The file '{path}' is not the description of an MLflow model.")
    folder = path.parent
    flavours = [name for name in told["flavors"] if name != "python_function"]
    names = (_FLAVOURS.get(name, name) for name in flavours)
    framework = next((name for name in names if name in known()), "custom")
    return Described(
        framework=framework,
        requirements=_requirements(files.get(str(folder / "requirements.txt"))),
        schema=_schema(told.get("signature")),
        example=_example(files, folder, told.get("saved_input_example_info")),
    )


def _schema(signature: Any) -> dict[str, Any]:
    if not isinstance(signature, dict):
        return {}
    found = {}
    for key in ("inputs", "outputs", "params"):
        try:
            columns = json.loads(signature.get(key) or "null")
        except (TypeError, ValueError):
            continue
        if columns:
            found[key] = columns
    return found


def _example(files: Mapping[str, Path], folder: PurePosixPath, told: Any) -> Any:
    if not isinstance(told, dict):
        return None
    for key in ("serving_input_path", "artifact_path"):
        path = files.get(str(folder / str(told.get(key))))
        if path is not None:
            return _read(path, json.loads)
    return None


def _requirements(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("-"))


def _read(path: Path, decode: Any) -> Any:
    if path.stat().st_size > _LARGEST:
        return None
    try:
        return decode(path.read_text(encoding="utf-8"))
    except Exception as error:  # yaml's errors are of their own kind
        raise RegistryError(f"The file '{path.name}' cannot be read: {error}.") from error
