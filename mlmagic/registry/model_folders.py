"""Folders that MLflow, Hugging Face, spaCy or we write: what they say of themselves."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlmagic.addresses import public
from mlmagic.errors import RegistryError
from mlmagic.registry.drafts import is_from_address, plain_requirement
from mlmagic.registry.frameworks import Described, known
from mlmagic.registry.inspection import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PARTS = "parts.json"
LEFT_OUT = "not required"  # the fact that tells which lines of its requirements are no package
_LARGEST = 4 << 20  # bytes of a description; a larger one is none
# What ends a requirement in a file of pip's: a comment, its options, a line that goes on.
_BEHIND = re.compile(r"(?:^|\s)#|\s--|(?:^|\s)\\$|^--hash")
# A file on top of the folder, and what its JSON has.
_BY_FILE = {
    "config.json": ("transformers", "model_type"),
    "tokenizer_config.json": ("transformers", "tokenizer_class"),
    "meta.json": ("spacy", "spacy_version"),
}
# Flavours of MLflow: the key that names what holds the model, which file of it where that is a
# folder, and what reads it where it does not tell by its content.
_FLAVOURS: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    "sklearn": ("pickled_model", (), None),
    "xgboost": ("data", (), "xgboost"),
    "lightgbm": ("data", (), "lightgbm"),
    "catboost": ("data", (), "catboost"),
    "onnx": ("data", (), None),
    "spacy": ("data", (), "spacy"),
    "statsmodels": ("data", (), None),
    "keras": ("data", ("model.keras",), None),
    "tensorflow": ("data", ("model.keras",), None),
    "pytorch": ("model_data", ("model.pt2", "model.pth"), None),
}


def recognise(files: Mapping[str, Path]) -> tuple[Described, tuple[Finding, ...]] | None:
    """Read what a folder says of itself.

    Args:
        files: Name in the registry to file.

    Returns:
        Framework, schema, example and requirements, and which of these need trust; None where it
        is no such folder.

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
            return Described(framework=framework, loader=framework), ()
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


def _mlflow(
    files: Mapping[str, Path], path: PurePosixPath
) -> tuple[Described, tuple[Finding, ...]]:
    import yaml

    told = _read(files[str(path)], yaml.safe_load)
    if not isinstance(told, dict) or not isinstance(told.get("flavors"), dict):
        raise RegistryError(f"The file '{path}' is not the description of an MLflow model.")
    folder = path.parent
    frameworks = {name: name for name in known()} | {"sklearn": "scikit-learn"}
    flavour = next((name for name in told["flavors"] if name in frameworks), "")
    file, loader = _main_file(files, folder, flavour, told["flavors"].get(flavour))
    place = str(folder / "requirements.txt")
    requirements, others = _requirements(files.get(place))
    described = Described(
        framework=frameworks.get(flavour, "custom"),
        loader=loader,
        file=file,
        requirements=requirements,
        schema=_schema(told.get("signature")),
        facts={LEFT_OUT: ", ".join(map(public, others))} if others else {},
        example=_example(files, folder, told.get("saved_input_example_info")),
    )
    why = "it is installed from an address, not from the index that you chose"
    far = filter(is_from_address, requirements)
    return described, tuple(Finding(name=line, file=place, why=why) for line in far)


def _main_file(
    files: Mapping[str, Path], folder: PurePosixPath, flavour: str, told: Any
) -> tuple[str, str | None]:
    """Return what holds the model, and what reads it where it does not tell.

    Code that lies beside it is nothing to us: only MLflow itself would load it.
    """
    if flavour not in _FLAVOURS or not isinstance(told, dict) or not folder.name:
        return "", None
    key, inside, loader = _FLAVOURS[flavour]
    top = f"{folder}/{told.get(key)}"
    for place in [f"{top}/{name}" for name in inside] or [top]:
        if place in files or any(name.startswith(f"{place}/") for name in files):
            if loader == "xgboost" and not str(told.get("model_class")).endswith(".Booster"):
                loader = "xgboost-estimator"
            return place, loader
    return "", None


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


def _requirements(path: Path | None) -> tuple[tuple[str, ...], list[str]]:
    """Read the packages of a file of pip's, and its lines that name no package (``-e .``)."""
    if path is None:
        return (), []
    told = [_BEHIND.split(line)[0].strip() for line in _read(path, str.splitlines) or ()]
    packages = (line for line in told if line and not line.startswith("-"))
    return tuple(map(plain_requirement, packages)), [line for line in told if line[:1] == "-"]


def _read(path: Path, decode: Any) -> Any:
    if path.stat().st_size > _LARGEST:
        return None
    try:
        return decode(path.read_text(encoding="utf-8"))
    except Exception as error:  # yaml's errors are of their own kind
        raise RegistryError(f"The file '{path.name}' cannot be read: {error}.") from error
