"""Configurations of Keras models: which classes and functions they name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlmagic.registry.inspection.findings import Finding

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

CONFIGURATION = "config.json"
_LARGEST = 64 << 20  # bytes of a configuration
# Where models, layers and what they are made of come from: nothing that loads, fetches or saves.
_MODULES = re.compile(
    r"keras|keras(\.src)?\.(activations|constraints|dtype_policies|initializers|layers|losses"
    r"|metrics|models|ops|optimizers|quantizers|random|regularizers)(\.\w+)*"
    r"|keras\.src\.backend\.\w+\.(optimizers|random)(\.\w+)*|keras\.src\.engine(\.\w+)*"
)
_FUNCTIONS = re.compile(
    r"builtins|keras(\.src)?\.(activations|initializers|losses|metrics|ops|regularizers)(\.\w+)*"
)
_CLASS = re.compile(r"[A-Z]\w*")
_VALUES = {
    "__keras_tensor__",
    "__tensor__",
    "__numpy__",
    "__bytes__",
    "__ellipsis__",
    "__slice__",
} | {"__tuple__"}
# Layers that hold code, or load a model of another library.
_CODE = {"Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"}
_LOOKUPS = {"StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization"}


def scan_archive(archive: zipfile.ZipFile, name: str) -> list[Finding]:
    """Check the configuration of a ``.keras`` archive."""
    info = archive.getinfo(CONFIGURATION)
    if info.file_size > _LARGEST:
        why = f"a configuration of {info.file_size} bytes is not read"
        return [Finding(name=CONFIGURATION, file=name, why=why)]
    return scan_configuration(archive.read(info), f"{name}/{CONFIGURATION}")


def scan_configuration(told: bytes | str, file: str) -> list[Finding]:
    """Check what a configuration names."""
    try:
        found = dict.fromkeys(_named(json.loads(told)))
    except (ValueError, TypeError, RecursionError) as error:
        return [Finding(name="configuration", file=file, why=f"it cannot be read ({error})")]
    return [Finding(name=name, file=file, why=why) for name, why in found]


def _named(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for each in node:
            yield from _named(each)
    elif isinstance(node, dict):
        if "class_name" in node:
            yield from _object(node)
        for each in node.values():
            yield from _named(each)


def _object(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Check one object: ``class_name`` of ``module``, or a function's name."""
    kind, module, inner = node["class_name"], node.get("module"), node.get("config")
    registered = node.get("registered_name")
    names = {str(kind), str(registered).rpartition(">")[2]}
    shown = f"{module}.{kind}" if module else str(kind)
    if names & _CODE:
        yield shown, "it holds code, or loads a model of another library"
    elif kind == "function":
        if not _FUNCTIONS.fullmatch(str(module)) or not str(inner).isidentifier():
            yield f"{module}.{inner}", "it is no function of Keras' models"
    elif kind in _VALUES:
        pass
    elif not _is_of_keras(kind, module) or ">" in str(registered):
        yield shown, "it is no class of Keras' models"
    elif names & _LOOKUPS and isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):
        yield shown, f"it reads its vocabulary from the file '{inner['vocabulary']}'"


def _is_of_keras(kind: Any, module: Any) -> bool:
    if not isinstance(kind, str) or not _CLASS.fullmatch(kind):
        return False
    return module is None or _MODULES.fullmatch(str(module)) is not None
