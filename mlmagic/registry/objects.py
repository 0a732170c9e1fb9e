"""Live objects as files."""

from __future__ import annotations

import json
import pickle
import shutil
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlmagic.errors import RegistryError
from mlmagic.registry import formats, frameworks
from mlmagic.registry.model_folders import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROTOCOL = 4


def dump_object(value: object, folder: Path) -> tuple[Path, formats.Inspection]:
    """Write an object: in the safe format of its framework, else as a pickle.

    A mapping of names to models of known frameworks becomes a folder, each model in its own
    format. A skops archive has to load again, here and now; where it does not, the object is
    pickled. Whatever may call something is inspected as a file from elsewhere would be.

    Args:
        value: The object.
        folder: Where to write.

    Returns:
        The file or folder, and what it is.

    Raises:
        RegistryError: It cannot be written.
    """
    models = _several(value)
    return _dump_one(value, folder) if models is None else _dump_several(models, folder / "models")


def dump_converted(value: object, sample: object, folder: Path) -> tuple[Path, formats.Inspection]:
    """Write an object as an ONNX model; see ``frameworks.convert_object``."""
    saved = frameworks.convert_object(value, sample, folder)
    described = frameworks.Described(framework="onnx", loader=saved.loader)
    return folder / saved.name, formats.Inspection(described=described)


def _several(value: object) -> Mapping[str, Any] | None:
    """Return the models of a mapping that has nothing else."""
    if not isinstance(value, dict) or not value:
        return None
    if not all(isinstance(name, str) and name.isidentifier() for name in value):
        return None
    known = all(frameworks.framework_of(model) != "custom" for model in value.values())
    return value if known else None


def _dump_several(models: Mapping[str, Any], folder: Path) -> tuple[Path, formats.Inspection]:
    parts, inspections = {}, {}
    modules: set[str] = set()
    for name, model in models.items():
        (folder / name).mkdir(parents=True)
        path, found = _dump_one(model, folder / name)
        parts[name] = {"loader": found.described.loader, "file": f"{name}/{path.name}"}
        modules.add(frameworks.known()[found.described.framework].module)
        if found.described.loader == "skops":
            modules.add("skops")
        named = [replace(each, file=f"{folder.name}/{name}/{each.file}") for each in found.findings]
        inspections[name] = replace(found, findings=tuple(named))
    (folder / PARTS).write_text(json.dumps(parts, indent=1, sort_keys=True), encoding="utf-8")
    types = {each for found in inspections.values() for each in found.described.trusted_types}
    merged = formats.merge(inspections)
    described = frameworks.Described(
        framework="multi",
        loader="multi",
        modules=merged.described.modules | modules,
        trusted_types=tuple(sorted(types)),
    )
    return folder, replace(merged, described=described)


def _dump_one(value: object, folder: Path) -> tuple[Path, formats.Inspection]:
    framework, saved = _in_safe_format(value, folder)
    if saved is not None:
        path = folder / saved.name
        if saved.loader != "skops":
            described = frameworks.Described(
                framework=framework, loader=saved.loader, modules=saved.modules
            )
            # Of these, a configuration of Keras alone can name code.
            found = formats.inspect_file(path, path.name).findings if framework == "keras" else ()
            return path, formats.Inspection(described=described, findings=found)
        inspection = formats.inspect_skops(path, path.name)
        if inspection.findings or _loads(path, inspection.described.trusted_types):
            return path, inspection
        path.unlink()
    path = folder / "model.pkl"
    path.write_bytes(_pickled(value))
    inspection = formats.inspect_file(path, path.name)
    described = replace(inspection.described, framework=framework)
    return path, replace(inspection, described=described)


def _in_safe_format(value: object, folder: Path) -> tuple[str, frameworks.Saved | None]:
    there = set(folder.iterdir())
    try:
        return frameworks.save_object(value, folder)
    except RegistryError:
        raise
    except Exception:  # noqa: BLE001 - whatever a foreign library finds, a pickle may do
        for path in set(folder.iterdir()) - there:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return frameworks.framework_of(value), None


def _loads(path: Path, trusted: tuple[str, ...]) -> bool:
    from skops import io as skops_io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            skops_io.load(path, trusted=list(trusted))
        except Exception:  # noqa: BLE001 - any failure says the same: not in this format
            return False
    return True


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value, protocol=_PROTOCOL)
    except Exception as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise RegistryError(
            f"An object of type '{kind}' cannot be saved: {error}.",
            hint="Save it to a file yourself and register the file.",
        ) from error
